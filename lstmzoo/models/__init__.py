"""Architectures: descriptions, their names, and the plain stateful Keras models built from them.

Without TensorFlow: `spec` (the YAML's `model` section), `initializers`, `registry` (descriptions that have a name),
`blueprint` (description and weights as data), `signature` (inputs and outputs of exported models), `facts` (by which a
model is known), `numpy_runner` (a model in NumPy). With it: `anatomy` (parts of a Keras model) with `layer_checks`,
`state` (the only code that touches carried states), `build`, `rebuild` (other batch size or kind), `callbacks` (for
Keras's `fit`).
"""
