"""A whole program for the card of an exported model: it needs the format's own runtime and NumPy, not lstmzoo."""

import json
from typing import NamedTuple

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.notes import VOCABULARY
from lstmzoo.models.signature import Signature


class _Use(NamedTuple):
    """Lines of Python for one format."""

    imports: str
    open: str
    vocabulary: str
    """Its content."""
    run: str


_ZIPPED = 'zipfile.ZipFile({file}).read("{vocabulary}")'
_USE = {
    "keras": _Use("import tf_keras", "tf_keras.models.load_model({file})", _ZIPPED, "model({{**states, '{x}': {x}}})"),
    "savedmodel": _Use(
        "import tensorflow as tf",
        'tf.saved_model.load({file}).signatures["serving_default"]',
        'pathlib.Path({file}, "{vocabulary}").read_bytes()',
        "model(**{{name: tf.constant(value) for name, value in {{**states, '{x}': {x}}}.items()}})",
    ),
    "tflite": _Use(
        "from ai_edge_litert.interpreter import Interpreter",
        "Interpreter({file}).get_signature_runner()",
        _ZIPPED,
        "model(**states, {x}={x})",
    ),
    "onnx": _Use(
        "import onnxruntime",
        "onnxruntime.InferenceSession({file})",
        'model.get_modelmeta().custom_metadata_map["{vocabulary}"]',
        "dict(zip(['logits', *states], model.run(None, {{**states, '{x}': {x}}})))",
    ),
}


def program(signature: Signature, symbols: Vocabulary | None, form: str, file: str) -> str:
    """Opens the file and runs it; where it has a vocabulary, it writes a text."""
    use, x = _USE[form], signature.input_name
    names = {"file": repr(file), "vocabulary": VOCABULARY, "x": x}
    sizes = dict(zip(signature.state_names, signature.state_sizes, strict=True))
    reads = "" if symbols is None else f'\nsymbols = json.loads({use.vocabulary.format(**names)})["symbols"]'
    needed = [module for module in ("json", "pathlib", "zipfile") if f"{module}." in reads]
    head = "\n".join(
        [*(f"import {module}" for module in needed), *[""] * bool(needed), "import numpy as np", use.imports]
    )
    return f"""{head}

model = {use.open.format(**names)}{reads}
zeros = {{name: np.zeros((1, units), np.float32) for name, units in {json.dumps(sizes)}.items()}}


def step({x}, states):
    outputs = {use.run.format(**names)}
    return np.asarray(outputs["logits"]), {{name: outputs[name] for name in states}}


{_writes(symbols) if symbols is not None else _reads(signature)}"""


def _writes(symbols: Vocabulary) -> str:
    byte = symbols.unit == "byte"
    text, more = ("bytes(symbols[:1])", "bytes([symbols[k]])") if byte else ("symbols[0]", "symbols[k]")
    lower = ", in lower case" if symbols.lowercase else ""
    return f"""text = {text}  # the prompt, of symbols that it knows{lower}
draws = np.random.default_rng(0)
logits, states = step(np.array([[symbols.index(symbol) for symbol in text]], np.int32), zeros)
for _ in range(200):
    shares = np.exp((logits[0, -1] - logits[0, -1].max()).astype(float) / 0.5)  # temperature 0.5
    k = draws.choice(len(symbols), p=shares / shares.sum())
    text += {more}
    logits, states = step(np.array([[k]], np.int32), states)
print(text)"""


def _reads(signature: Signature) -> str:
    floats, size = signature.encoding == "features", signature.vocab_size
    x = (
        f"np.zeros((1, 3, {signature.input_dim}), np.float32)"
        if floats
        else f"np.array([[0, {min(1, size - 1)}, 0]], np.int32)"
    )
    return f"""logits, states = step({x}, zeros)  # one lane, three steps
print("answer:", logits[0, -1])  # and so on: step(..., states)"""
