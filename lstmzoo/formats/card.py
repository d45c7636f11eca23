"""The model card that travels with an exported model: what it is, what goes in and comes out, how to run it."""

import json
from typing import NamedTuple

from lstmzoo.blueprint import Blueprint
from lstmzoo.formats.notes import VOCABULARY
from lstmzoo.signature import Signature, signature_of
from lstmzoo.vocabulary import Vocabulary


class Source(NamedTuple):
    """A model that is to travel."""

    blueprint: Blueprint
    symbols: Vocabulary | None
    name: str
    weights: str
    """Where they are from, in words."""
    card: str = ""
    """Its own model card, if it has one."""


class _Use(NamedTuple):
    """Lines of Python that open the file, and that run it."""

    open: str
    run: str


_USE = {
    "keras": _Use(
        'import tf_keras\n\nmodel = tf_keras.models.load_model("{file}")',
        'outputs = model({{**states, "{x}": {x}}})',
    ),
    "savedmodel": _Use(
        'import tensorflow as tf\n\nmodel = tf.saved_model.load("{file}").signatures["serving_default"]',
        'outputs = model(**{{name: tf.constant(value) for name, value in {{**states, "{x}": {x}}}.items()}})',
    ),
    "tflite": _Use(
        'from ai_edge_litert.interpreter import Interpreter\n\nmodel = Interpreter("{file}").get_signature_runner()',
        "outputs = model(**states, {x}={x})",
    ),
    "onnx": _Use(
        'import onnxruntime\n\nmodel = onnxruntime.InferenceSession("{file}")',
        'outputs = dict(zip(["logits", *states], model.run(None, {{**states, "{x}": {x}}})))',
    ),
}


def card_of(source: Source, form: str, file: str) -> str:
    """Markdown; a model of the package brings its own card, which goes on below."""
    signature, spec = signature_of(source.blueprint), source.blueprint.spec
    parameters = sum(part.size for part in source.blueprint.weights.in_order())
    return f"""# {source.name}

- **Model**: {spec.kind} {list(spec.layers)}, {parameters:,} parameters; encoding {signature.encoding}.
- **Weights**: {source.weights}.
- **Format**: {form}, written by lstmzoo; checked against the live model.

{_signature(signature, source.symbols is not None, form)}
```python
{_example(signature, form, file)}
```
{source.card and chr(10) + source.card}"""


def _signature(signature: Signature, text: bool, form: str) -> str:
    names = " ".join(signature.state_names)
    floats = signature.encoding == "features"
    first = f"| `features` | [B, T, {signature.input_dim}] | float32 |" if floats else "| `ids` | [B, T] | int32 |"
    sizes = "\n".join(
        f"| `h{layer}`, `c{layer}` | [B, {units}] | float32 |" for layer, units in enumerate(signature.units)
    )
    meaning = f" Symbol k is the k-th of `{VOCABULARY}` (from 0)." if text else ""
    renamed = " ONNX wants other names there: `h0_next`, ..." if form == "onnx" else ""
    return f"""## What goes in and comes out

| name | shape | type |
|---|---|---|
{first}
{sizes}
| `logits` (out) | [B, T, {signature.vocab_size}] | float32 |

Any number of lanes B and of steps T. A stream starts with states of zeros; {names} come out again, and go in beside the
next symbols.{renamed}{meaning}
"""


def _example(signature: Signature, form: str, file: str) -> str:
    sizes = dict(zip(signature.state_names, signature.state_sizes, strict=True))
    floats = signature.encoding == "features"
    first = f"np.zeros((1, 1, {signature.input_dim}), np.float32)" if floats else "np.array([[0]], np.int32)"
    use = _USE[form]
    return f"""import numpy as np
{use.open.format(file=file)}
states = {{name: np.zeros((1, units), np.float32) for name, units in {json.dumps(sizes)}.items()}}
{signature.input_name} = {first}
{use.run.format(x=signature.input_name)}
logits = outputs["logits"]  # [1, 1, {signature.vocab_size}]
states = {{name: outputs[name] for name in states}}  # for what comes next"""
