"""Formats of exported models: one module each, which writes a blueprint and opens what it wrote.

Each ends with its record (`format`), and `registry` lists the records. `tf_stream` is the TensorFlow graph that a
SavedModel and a TFLite file hold. Of `c`, the parts are `c_header` (the whole), `c_step` (what it computes),
`c_text` (pieces), `c_weights`, `c_check` (its test) and `c_runner` (compiled here); the files `c_*.h` are the C that
they fill in.
"""
