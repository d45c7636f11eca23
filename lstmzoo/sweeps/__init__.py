"""Searches with keras-tuner: what is varied, the processes that try it, and what they found."""
