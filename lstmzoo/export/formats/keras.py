"""Keras's own file: a functional model of LSTM layers that take and give their states, for `tf_keras` alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstmzoo.export.formats.format import READ_ZIP, Example, Format
from lstmzoo.export.notes import Notes, append_zip, read_zip
from lstmzoo.export.units import Units
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature, StateArrays, signature_of

if TYPE_CHECKING:
    import tf_keras as keras


def write_keras(blueprint: Blueprint, notes: Notes, path: Path) -> None:
    """Write the file, a zip archive; vocabulary, scaling and card stand in it beside Keras's own."""
    from lstmzoo.models.rebuild import default_dtype

    with default_dtype("float32"):
        streaming_model(blueprint, notes.units).save(path)
    append_zip(path, notes.files(blueprint))


def streaming_model(blueprint: Blueprint, units: tuple[Units, Units] | None) -> "keras.Model":
    """Return a model without state of its own, of any B and T; inputs and outputs have the names of `signature`.

    With units it takes and gives numbers in the units of the data.
    """
    import tf_keras as keras

    signature, spec = signature_of(blueprint), blueprint.spec
    states = {
        name: keras.Input((size,), dtype="float32", name=name)
        for name, size in zip(signature.state_names, signature.state_sizes, strict=True)
    }
    given, inputs = _encoded(keras, blueprint, signature, units and units[0])
    x = inputs
    layers: list[Any] = []
    final: dict[str, Any] = {}
    for index, size in enumerate(spec.layers):
        names = [f"h{index}", f"c{index}"]
        layer = keras.layers.LSTM(
            size,
            recurrent_activation=spec.recurrent_activation,
            return_sequences=True,
            return_state=True,
            name=f"lstm_{index}",
        )
        x, *after = layer(x, initial_state=[states[name] for name in names])
        layers.append(x)
        final |= zip(names, after, strict=True)
    x = keras.layers.Add(name="skip_outputs")(layers) if spec.skip_outputs else x
    found = _found(keras, blueprint, x, inputs)
    if units is not None:
        found = keras.layers.Rescaling(*_lists(units[1].out_of_model()), name="unscaled")(found)
    outputs = {signature.output_name: found, **final}
    model = keras.Model({signature.input_name: given, **states}, outputs, name="stream")
    model.set_weights(blueprint.weights.in_order())
    return model


def _found(keras: Any, blueprint: Blueprint, x: Any, inputs: Any) -> Any:
    """Return the outputs, of what leaves the last layer and of the model's inputs."""
    signature = signature_of(blueprint)
    found = keras.layers.Dense(signature.output_dim, name=signature.output_name)(x)
    if not blueprint.spec.skip:
        return found
    beside = keras.layers.Dense(signature.output_dim, use_bias=False, name="skip")(inputs)
    return keras.layers.Add(name="sum")([found, beside])


def _scaled(keras: Any, x: Any, units: Units) -> Any:
    center, factor, rest = _lists(units.into_model())
    centered = keras.layers.Rescaling(1.0, [-each for each in center], name="centered")(x)
    return keras.layers.Rescaling(factor, [-each for each in rest], name="scaled")(centered)


def _lists(arrays: Iterable[np.ndarray]) -> list[list[float]]:
    """Return arrays as lists, as a layer's config has them."""
    return [array.tolist() for array in arrays]


def _encoded(keras: Any, blueprint: Blueprint, signature: Signature, units: Units | None) -> tuple[Any, Any]:
    """Return the input, and what the first layer takes."""
    name, size = signature.input_name, signature.output_dim
    if signature.encoding == "features":
        features = keras.Input((None, signature.input_dim), name=name)
        return features, features if units is None else _scaled(keras, features, units)
    ids = keras.Input((None,), dtype="int32", name=name)
    if signature.encoding == "embedding":
        return ids, keras.layers.Embedding(size, blueprint.spec.embedding_dim, name="embedding")(ids)
    column = keras.layers.Reshape((-1, 1), name="column")(ids)
    if signature.encoding == "scalar":
        return ids, keras.layers.Rescaling(1.0, name="scalar")(column)  # which makes them floats
    one_hot = keras.layers.CategoryEncoding(size, output_mode="one_hot")
    return ids, keras.layers.TimeDistributed(one_hot, name="one_hot")(column)


class KerasRunner:
    """A file of Keras in this process's `tf_keras`, compiled to a graph."""

    def __init__(self, path: Path, signature: Signature):
        import tensorflow as tf
        import tf_keras as keras

        self.signature, self.tensor = signature, tf.constant
        model = keras.models.load_model(path, compile=False)
        specs = {each.name: tf.TensorSpec(each.shape, each.dtype) for each in model.inputs}
        self.call = tf.function(model, input_signature=[specs])

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` and the states after the window, as every `Runner` does."""
        names = self.signature.state_names
        inputs = {self.signature.input_name: x, **dict(zip(names, states, strict=True))}
        outputs = self.call({name: self.tensor(value) for name, value in inputs.items()})
        return outputs[self.signature.output_name].numpy(), [outputs[name].numpy() for name in names]


KERAS = Format(
    write_keras,
    KerasRunner,
    read_zip,
    ending=".keras",
    inside="in the file, a zip",
    sentence="For `tf_keras` (Keras 2; Keras 3 does not read it): `pip install tf_keras`.",
    example=Example(
        imports="import tf_keras",
        open="tf_keras.models.load_model({file})",
        read=READ_ZIP,
        run="model({{**states, '{x}': {x}}})",
    ),
    needs_ending=True,
)
