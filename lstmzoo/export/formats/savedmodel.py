"""TensorFlow's SavedModel: a directory with one signature, `serving_default`, for TensorFlow and TensorFlow Serving."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lstmzoo.export.formats.format import Example, Format
from lstmzoo.export.notes import Notes, read_folder
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature, StateArrays, signature_of


def write_savedmodel(blueprint: Blueprint, notes: Notes, path: Path) -> None:
    """Write the directory; vocabulary, scaling and card stand in it as files."""
    import tensorflow as tf

    from lstmzoo.export.formats.tf_stream import Stream
    from lstmzoo.models.rebuild import build

    stream = Stream(build(blueprint), signature_of(blueprint), notes.units)
    try:
        tf.saved_model.save(stream, str(path), signatures={"serving_default": stream.call})
    except tf.errors.OpError as error:  # a full disk, for example: the other writers raise OSError for it
        raise OSError(error.message.split(";")[-1].strip()) from error
    for name, content in notes.files(blueprint).items():
        (path / name).write_bytes(content)


class SavedModelRunner:
    """A SavedModel in this process's TensorFlow."""

    def __init__(self, path: Path, signature: Signature):
        import tensorflow as tf

        self.signature, self.loaded = signature, tf.saved_model.load(str(path))
        self.call, self.tensor = self.loaded.signatures["serving_default"], tf.constant

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` and the states after the window, as every `Runner` does."""
        names = self.signature.state_names
        inputs = {self.signature.input_name: x, **dict(zip(names, states, strict=True))}
        outputs = self.call(**{name: self.tensor(value) for name, value in inputs.items()})
        return outputs[self.signature.output_name].numpy(), [outputs[name].numpy() for name in names]


SAVEDMODEL = Format(
    write_savedmodel,
    SavedModelRunner,
    read_folder,
    ending="",
    inside="in the directory",
    sentence="The signature is `serving_default`: `pip install tensorflow`, or TensorFlow Serving.",
    example=Example(
        imports="import tensorflow as tf",
        open='tf.saved_model.load({file}).signatures["serving_default"]',
        read='pathlib.Path({file}, "{inside}").read_bytes()',
        run="model(**{{name: tf.constant(value) for name, value in {{**states, '{x}': {x}}}.items()}})",
    ),
    odd="*?[",  # TensorFlow takes the path for a pattern
)
