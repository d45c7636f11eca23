"""Conversion of weights: other programs' LSTMs to our models, and ours to theirs.

Read `arrays`, `bounds` and `left_out` (of every loader), then a source: `keras` (with `keras_files`, `keras_hdf5`,
`keras_own`, `keras_chain`, `keras_found`, `keras_layers`), `torch` (with `torch_files`, `torch_objects`,
`torch_stored`, `torch_names`, `torch_roles`, `torch_modules`), `tf1` (with `tf1_names`).
"""
