"""Architectures: a description, its names, and the plain stateful Keras model that it becomes.

Without TensorFlow: `spec` (the YAML's `model` section), `registry` (descriptions that have a name), `blueprint`
(description and weights as data), `signature` (what goes in and comes out). With it: `anatomy` (parts of a Keras
model), `state` (the only code that touches carried states), `build`, `rebuild` (other batch size or kind), `callbacks`.
"""
