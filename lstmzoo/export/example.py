"""A whole program for the card of an exported model: it needs the format's own runtime and NumPy, not lstmzoo.

It stops with one line if a state is still zeros after the first step, the mark of a state that is not fed back.
"""

import json

from lstmzoo.data.scaling import Scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.formats.format import Example
from lstmzoo.export.notes import SCALING, VOCABULARY
from lstmzoo.models.signature import Signature


def program(
    signature: Signature, symbols: Vocabulary | None, scaling: Scaling | None, example: Example, file: str
) -> str:
    """Return a program in Python that opens a file and runs it.

    With a vocabulary it writes a text, and with a scaling predictions by the names of their columns.
    """
    x, y = signature.input_name, signature.output_name
    names = {"file": repr(file), "inside": SCALING if symbols is None else VOCABULARY, "x": x, "y": y}
    sizes = dict(zip(signature.state_names, signature.state_sizes, strict=True))
    content = f"json.loads({example.read.format(**names)})"
    reads = "" if symbols is None else f'\nsymbols = {content}["symbols"]'
    reads = reads if scaling is None else f"\nscaling = {content}"
    needed = [module for module in ("json", "pathlib", "zipfile") if f"{module}." in reads]
    head = "\n".join(
        [*(f"import {module}" for module in needed), *[""] * bool(needed), "import numpy as np", example.imports]
    )
    return f"""{head}

model = {example.open.format(**names)}{reads}
zeros = {{name: np.zeros((1, units), np.float32) for name, units in {json.dumps(sizes, allow_nan=False)}.items()}}


def step({x}, states):
    outputs = {example.run.format(**names)}
    return np.asarray(outputs["{y}"]), {{name: outputs[name] for name in states}}


def check(states):
    for name, state in states.items():
        if not np.any(state):
            raise SystemExit(f"{{name}} is all zeros after the first step: feed the states of a step to the next one")


{_writes(symbols) if symbols is not None else _reads(signature) if scaling is None else _PREDICTS}"""


def _writes(symbols: Vocabulary) -> str:
    byte = symbols.unit == "byte"
    text, more = ("bytes(symbols[:1])", "bytes([symbols[k]])") if byte else ("symbols[0]", "symbols[k]")
    lower = (", in lower case" if symbols.lowercase else "") + (f", in {symbols.normalize}" * bool(symbols.normalize))
    return f"""text = {text}  # the prompt, of symbols that it knows{lower}
draws = np.random.default_rng(0)
logits, states = step(np.array([[symbols.index(symbol) for symbol in text]], np.int32), zeros)
check(states)
for _ in range(200):
    shares = np.exp((logits[0, -1] - logits[0, -1].max()).astype(float) / 0.5)  # temperature 0.5
    k = draws.choice(len(symbols), p=shares / shares.sum())
    text += {more}
    logits, states = step(np.array([[k]], np.int32), states)
print(text)"""


def _reads(signature: Signature) -> str:
    floats, size = signature.encoding == "features", signature.output_dim
    x = (
        f"np.ones((1, 3, {signature.input_dim}), np.float32)"
        if floats
        else f"np.array([[0, {min(1, size - 1)}, 0]], np.int32)"
    )
    return f"""{signature.output_name}, states = step({x}, zeros)  # one lane, three steps
check(states)
print("answer:", {signature.output_name}[0, -1])  # and so on: step(..., states)"""


_PREDICTS = """means = dict(zip(scaling["columns"], scaling["means"]))
row = [means[name] for name in scaling["inputs"]]  # its numbers; here the means
row += [0] * len(scaling["held"])  # 1 where a number is missing
states = zeros
for t in range(3):  # rows of a stream, as they come
    outputs, states = step(np.array([[row]], np.float32), states)
    if t == 0:
        check(states)
    print(t, dict(zip(scaling["targets"], outputs[0, -1].tolist())))"""
