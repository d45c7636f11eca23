"""A whole program for the card of an exported model: it needs the format's own runtime and NumPy, not lstmzoo."""

import json

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.formats.format import Example
from lstmzoo.export.notes import VOCABULARY
from lstmzoo.models.signature import Signature


def program(signature: Signature, symbols: Vocabulary | None, example: Example, file: str) -> str:
    """Return a program in Python that opens a file and runs it; with a vocabulary it writes a text."""
    x = signature.input_name
    names = {"file": repr(file), "vocabulary": VOCABULARY, "x": x}
    sizes = dict(zip(signature.state_names, signature.state_sizes, strict=True))
    reads = "" if symbols is None else f'\nsymbols = json.loads({example.vocabulary.format(**names)})["symbols"]'
    needed = [module for module in ("json", "pathlib", "zipfile") if f"{module}." in reads]
    head = "\n".join(
        [*(f"import {module}" for module in needed), *[""] * bool(needed), "import numpy as np", example.imports]
    )
    return f"""{head}

model = {example.open.format(**names)}{reads}
zeros = {{name: np.zeros((1, units), np.float32) for name, units in {json.dumps(sizes, allow_nan=False)}.items()}}


def step({x}, states):
    outputs = {example.run.format(**names)}
    return np.asarray(outputs["logits"]), {{name: outputs[name] for name in states}}


{_writes(symbols) if symbols is not None else _reads(signature)}"""


def _writes(symbols: Vocabulary) -> str:
    byte = symbols.unit == "byte"
    text, more = ("bytes(symbols[:1])", "bytes([symbols[k]])") if byte else ("symbols[0]", "symbols[k]")
    lower = (", in lower case" if symbols.lowercase else "") + (f", in {symbols.normalize}" * bool(symbols.normalize))
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
    floats, size = signature.encoding == "features", signature.output_dim
    x = (
        f"np.zeros((1, 3, {signature.input_dim}), np.float32)"
        if floats
        else f"np.array([[0, {min(1, size - 1)}, 0]], np.int32)"
    )
    return f"""logits, states = step({x}, zeros)  # one lane, three steps
print("answer:", logits[0, -1])  # and so on: step(..., states)"""
