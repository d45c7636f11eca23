"""TFLite (LiteRT): one file for phones and small machines, of built-in operations only."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from lstmzoo.export.formats.format import MOST_BYTES, READ_ZIP, Example, Format
from lstmzoo.export.notes import Notes, append_zip, read_zip
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature, StateArrays, signature_of
from lstmzoo.system.missing import load_extra

EXTRA, INTERPRETER = "tflite", "ai_edge_litert.interpreter"


def write_tflite(blueprint: Blueprint, notes: Notes, path: Path) -> None:
    """Write the file; behind it stands a zip archive with what else is inside, as TFLite's metadata do."""
    import tensorflow as tf

    from lstmzoo.export.formats.tf_stream import Stream
    from lstmzoo.models.rebuild import build

    stream = Stream(build(blueprint), signature_of(blueprint), notes.units)
    content = tf.lite.TFLiteConverter.from_concrete_functions([stream.call], stream).convert()
    path.write_bytes(content)
    append_zip(path, notes.files(blueprint))


class LiteRunner:
    """A TFLite file in the LiteRT interpreter, on one thread; threads that call it wait for one another."""

    def __init__(self, path: Path, signature: Signature):
        interpreter = load_extra(INTERPRETER, EXTRA).Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()  # its messages come here, where a caller hides them, and not in a first answer
        self.signature, self.call, self.lock = signature, interpreter.get_signature_runner(), Lock()

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` and the states after the window, as every `Runner` does."""
        names = self.signature.state_names
        with self.lock:  # an interpreter has one set of tensors
            outputs = self.call(**{self.signature.input_name: x, **dict(zip(names, states, strict=True))})
        return outputs[self.signature.output_name], [outputs[name] for name in names]


TFLITE = Format(
    write_tflite,
    LiteRunner,
    read_zip,
    ending=".tflite",
    inside="in a zip behind the model",
    sentence="Built-in operations only, one signature: `pip install ai-edge-litert`, or LiteRT on a phone.",
    example=Example(
        imports="from ai_edge_litert.interpreter import Interpreter",
        open="Interpreter({file}).get_signature_runner()",
        read=READ_ZIP,
        run="model(**states, {x}={x})",
    ),
    modules=(INTERPRETER,),
    most_bytes=MOST_BYTES,
    is_runtime=True,
)
