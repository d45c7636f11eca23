"""Formats of exported models: one module each, which writes a blueprint and opens what it wrote.

`registry` lists them. `tf_stream` is the TensorFlow graph that a SavedModel and a TFLite file hold.
"""
