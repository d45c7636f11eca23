"""TFLite (LiteRT): one file for phones and small machines, of built-in operations only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lstmzoo.export.notes import Notes, append_zip
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature, StateArrays, signature_of
from lstmzoo.system.missing import load_extra

EXTRA = "tflite"


def write_tflite(blueprint: Blueprint, notes: Notes, path: Path) -> None:
    """Write the file; behind it stands a zip archive with the vocabulary and the card, as TFLite's metadata do."""
    import tensorflow as tf

    from lstmzoo.export.formats.tf_stream import Stream
    from lstmzoo.models.rebuild import build

    stream = Stream(build(blueprint), signature_of(blueprint))
    content = tf.lite.TFLiteConverter.from_concrete_functions([stream.call], stream).convert()
    path.write_bytes(content)
    append_zip(path, notes)


class LiteRunner:
    """A TFLite file in the LiteRT interpreter, on one thread."""

    def __init__(self, path: Path, signature: Signature):
        interpreter = load_extra("ai_edge_litert.interpreter", EXTRA).Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()  # says here what it has to say, not in the midst of the first answer
        self.signature, self.call = signature, interpreter.get_signature_runner()

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """As `Runner`."""
        names = self.signature.state_names
        found = self.call(**{self.signature.input_name: x, **dict(zip(names, states, strict=True))})
        return found["logits"], [found[name] for name in names]
