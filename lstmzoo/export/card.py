"""The model card that travels with an exported model: what it is, what goes in and comes out, and a program."""

from collections.abc import Sequence
from typing import NamedTuple

from lstmzoo.data.scaling import Scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.example import program
from lstmzoo.export.formats.format import Format
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.export.notes import SCALING, VOCABULARY
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature, signature_of
from lstmzoo.system.cells import markdown_row, markdown_text
from lstmzoo.system.version import VERSION


class Source(NamedTuple):
    """A model that is to be exported, and what its card says of it."""

    blueprint: Blueprint
    symbols: Vocabulary | None
    name: str
    weights: str
    """The origin of its weights, in words."""
    task: str = ""
    """The task that it was trained for, in words."""
    card: str = ""
    """Its own model card (Markdown, with a title); empty if it has none."""
    scaling: Scaling | None = None
    """The scaling of a model of numbers, which goes into the graph; None: the model's own numbers go in and out."""
    answer: str = "are the answer after step t"
    """What the outputs at step t are, in words."""
    ahead: int = 1
    """The number of steps by which the outputs are ahead."""


def card_of(source: Source, name: str, file: str) -> str:
    """Return the card, as Markdown, of a model in the format of a name; its own card, if it has one, comes below.

    `file`: the name of the exported file, which the example program opens.
    """
    signature, spec = signature_of(source.blueprint), source.blueprint.spec
    parameters = sum(part.size for part in source.blueprint.weights.in_order())
    task = f"- **Task**: {markdown_text(source.task)}.\n" if source.task else ""
    return f"""# {markdown_text(source.name)}

- **Model**: {spec.kind} {list(spec.layers)}, {parameters:,} parameters; encoding {signature.encoding}.
{task}- **Weights**: {markdown_text(source.weights)}.
- **Format**: {name}, written by lstmzoo {VERSION} and compared with the live model.

{_calls(signature, source, FORMATS[name], file)}
{_own(source.card)}"""


def _calls(signature: Signature, source: Source, form: Format, file: str) -> str:
    """Return what goes in and comes out, and a program; or what the format itself says of them."""
    if form.example is None:
        called = f"{form.sentence}\n\n{form.explain(signature, source.symbols, file)}"  # type: ignore[misc]
        return called if source.scaling is None else f"{called}\n\n{_rows(source.scaling, source.answer, form)}"
    return f"""{_signature(signature, source, form)}
{form.sentence}

```python
{program(signature, source.symbols, source.scaling, form.example, file)}
```"""


def _signature(signature: Signature, source: Source, form: Format) -> str:
    floats = signature.encoding == "features"
    first = f"| `features` | [B, T, {signature.input_dim}] | float32 |" if floats else "| `ids` | [B, T] | int32 |"
    sizes = "\n".join(
        f"| `h{layer}`, `c{layer}` | [B, {units}] | float32 |" for layer, units in enumerate(signature.units)
    )
    meaning = "are for the symbol after step t" if source.symbols is not None else source.answer
    ends = "" if signature.numbers else ": their softmax is the distribution"
    before = signature.state_names[0]
    after = form.state_after.format(state=before)
    renamed = "" if after == before else f", under the names `{after}`, ..."
    return f"""## What goes in and comes out

| name | shape | type |
|---|---|---|
{first}
{sizes}
| `{signature.output_name}` (out) | [B, T, {signature.output_dim}] | float32 |

Any number of lanes B and of steps T, from 1 on. `{signature.output_name}[:, t]` {meaning}{ends}.
A stream starts with states of zeros; the states come out again{renamed}, and go in beside the next inputs.
{_columns(source.scaling, form) if source.scaling is not None else _symbols(signature, source.symbols)}
"""


def _symbols(signature: Signature, symbols: Vocabulary | None) -> str:
    if signature.encoding == "features":
        return ""
    if symbols is None:
        return f"Ids are integers from 0 to {signature.output_dim - 1}."
    kind = "a character" if symbols.unit == "char" else "a byte"
    lower = " The model knows lower case only: a text is lower-cased first." if symbols.lowercase else ""
    form = f" A text is first brought to Unicode's form {symbols.normalize}." if symbols.normalize else ""
    return f"Symbol k, {kind}, is the k-th (from 0) of `symbols` in `{VOCABULARY}`; it knows no others.{form}{lower}"


def _rows(scaling: Scaling, answer: str, form: Format) -> str:
    return f"""## What goes in and comes out

The outputs of row t {answer}.
{_columns(scaling, form)}"""


def _columns(scaling: Scaling, form: Format) -> str:
    """Return a table of the columns in their order, and what stands for a missing value."""
    flags = [[f"1 where {name} is missing, else 0", "", ""] for name in scaling.held]
    numbers = [*_numbers(scaling, scaling.inputs), *flags], _numbers(scaling, scaling.targets)
    rows = [
        f"| `{place.format(number)}` " + markdown_row(row)
        for place, lines in zip(form.places, numbers, strict=True)
        for number, row in enumerate(lines)
    ]
    first = ", ".join(f"{markdown_text(name)} {value:.9g}" for name, value in scaling.held.items())
    held = f" For a missing value give its last one; before the first: {first}." if flags else ""
    kept = "" if form.example is None else f" (in `{SCALING}` too)"
    return "\n".join(
        [
            "Numbers are in the units of the data; the model scales them by these means and deviations of the training",
            f"part{kept}. Inputs are rounded to float32, which has seven digits.{held}",
            "",
            "| place | column | mean | deviation |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _numbers(scaling: Scaling, names: Sequence[str]) -> list[list[str]]:
    """Return the cells of some columns: name, mean, deviation."""
    means, deviations = scaling.of(names)
    return [
        [name, f"{mean:.6g}", f"{deviation:.6g}"]
        for name, mean, deviation in zip(names, means, deviations, strict=True)
    ]


def _own(card: str) -> str:
    """Return a model's own card with each title one level lower."""
    lines = [f"#{line}" if line.startswith("#") else line for line in card.splitlines()]
    return "\n" + "\n".join(lines) + "\n" if lines else ""
