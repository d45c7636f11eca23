"""The model card that travels with an exported model: what it is, what goes in and comes out, and a program."""

from typing import NamedTuple

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.example import program
from lstmzoo.export.notes import VOCABULARY
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature, signature_of
from lstmzoo.system.version import VERSION


class Source(NamedTuple):
    """A model that is to travel."""

    blueprint: Blueprint
    symbols: Vocabulary | None
    name: str
    weights: str
    """Where they are from, in words."""
    task: str = ""
    """What it was trained for, in words."""
    card: str = ""
    """Its own model card (Markdown, with a title), if it has one."""


def card_of(source: Source, form: str, file: str) -> str:
    """Markdown; a model of the package brings its own card, which goes on below."""
    signature, spec = signature_of(source.blueprint), source.blueprint.spec
    parameters = sum(part.size for part in source.blueprint.weights.in_order())
    task = f"- **Task**: {source.task}.\n" if source.task else ""
    return f"""# {source.name}

- **Model**: {spec.kind} {list(spec.layers)}, {parameters:,} parameters; encoding {signature.encoding}.
{task}- **Weights**: {source.weights}.
- **Format**: {form}, written by lstmzoo {VERSION} and compared with the live model.

{_signature(signature, source.symbols, form)}
{_NOTES[form]}

```python
{program(signature, source.symbols, form, file)}
```
{_own(source.card)}"""


_NOTES = {
    "keras": "For `tf_keras` (Keras 2; Keras 3 does not read it): `pip install tf_keras`.",
    "savedmodel": "The signature is `serving_default`: `pip install tensorflow`, or TensorFlow Serving.",
    "tflite": "Built-in operations only, one signature: `pip install ai-edge-litert`, or LiteRT on a phone.",
    "onnx": "`pip install onnxruntime`, or another runtime of operator set 17.",
}


def _signature(signature: Signature, symbols: Vocabulary | None, form: str) -> str:
    floats = signature.encoding == "features"
    first = f"| `features` | [B, T, {signature.input_dim}] | float32 |" if floats else "| `ids` | [B, T] | int32 |"
    sizes = "\n".join(
        f"| `h{layer}`, `c{layer}` | [B, {units}] | float32 |" for layer, units in enumerate(signature.units)
    )
    meaning = "are for the symbol after step t" if symbols is not None else "are the answer after step t"
    renamed = ", under the names `h0_next`, ..." if form == "onnx" else ""
    return f"""## What goes in and comes out

| name | shape | type |
|---|---|---|
{first}
{sizes}
| `logits` (out) | [B, T, {signature.vocab_size}] | float32 |

Any number of lanes B and of steps T, from 1 on. `logits[:, t]` {meaning}: their softmax is the distribution.
A stream starts with states of zeros; the states come out again{renamed}, and go in beside the next symbols.
{_symbols(signature, symbols)}
"""


def _symbols(signature: Signature, symbols: Vocabulary | None) -> str:
    if signature.encoding == "features":
        return ""
    if symbols is None:
        return f"Ids are integers from 0 to {signature.vocab_size - 1}."
    kind = "a character" if symbols.unit == "char" else "a byte"
    lower = " The model knows lower case only: a text is lower-cased first." if symbols.lowercase else ""
    return f"Symbol k, {kind}, is the k-th (from 0) of `symbols` in `{VOCABULARY}`; it knows no others.{lower}"


def _own(card: str) -> str:
    """The card that the model has in the package, a level lower."""
    lines = [f"#{line}" if line.startswith("#") else line for line in card.splitlines()]
    return "\n" + "\n".join(lines) + "\n" if lines else ""
