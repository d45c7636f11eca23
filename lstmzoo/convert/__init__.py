"""Weights of other programs' LSTMs as models of ours, and ours as theirs: one module a source.

Read `arrays` (what every loader checks), then a source: `keras` (with `keras_files`, `keras_hdf5`, `keras_own`,
`keras_chain`, `keras_layers`), `torch` (with `torch_files`, `torch_names`, `torch_modules`), `tf1` (with `tf1_names`).
"""
