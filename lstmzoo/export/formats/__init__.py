"""Formats of exported models: one module each, which writes a blueprint and opens what it wrote.

Each ends with its record (`format`), and `registry` lists the records. `tf_stream` is the TensorFlow graph that a
SavedModel and a TFLite file hold.
"""
