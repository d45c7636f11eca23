"""Weights of other programs' LSTMs as models of ours, and ours as theirs: one module a source."""
