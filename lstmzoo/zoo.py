"""Named architectures: what a model is, and the registry of those that have a name.

No TensorFlow here: a description is data, `model.build_model` makes it a network.
"""

import csv
import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Self

from lstmzoo.errors import InputError
from lstmzoo.nearest import did_you_mean
from lstmzoo.section import Count, Fraction, Section, expected

MAX_DEPTH = 1000


def _units(value: Any) -> int | tuple[int, ...]:
    sizes = value if isinstance(value, (list, tuple)) else [value]
    if not 1 <= len(sizes) <= MAX_DEPTH or any(type(size) is not int or size < 1 for size in sizes):
        raise expected("an integer >= 1, or a list of them such as [4, 5]")
    return tuple(sizes) if isinstance(value, (list, tuple)) else value


Units = Annotated[
    int | tuple[int, ...],
    BeforeValidator(_units),
    Field(
        json_schema_extra={
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
            ]
        }
    ),
]


class ModelSpec(Section):
    """A stack of LSTM layers, as the YAML's `model` section describes it."""

    kind: Literal["single", "stacked_cells", "stacked_layers"] = "single"
    """single: one LSTM layer; stacked_cells: one RNN layer over StackedRNNCells; stacked_layers: LSTM layers."""
    units: Units = 4
    """H, the size of h and of c: one integer for all layers, or a list with one for each layer."""
    depth: Annotated[int, Field(ge=1, le=MAX_DEPTH)] | None = None
    """L, layers; with integer units only: that many equal ones (default 1)."""
    dropout: Fraction = 0.0
    """Share of values dropped between layers, one mask a window and lane; 0: none."""
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = "sigmoid"
    """Activation of the gates i, f, o."""
    encoding: Literal["auto", "scalar", "one_hot", "embedding"] = "auto"
    """How a symbol enters the net; auto is the task's own (echo: scalar; char: one_hot)."""
    embedding_dim: Count | None = None
    """Size of the embedding; with encoding embedding only."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.depth is not None and isinstance(self.units, tuple) and self.depth != len(self.units):
            raise expected(f"depth to be left out, or {len(self.units)}, beside a list of {len(self.units)} units")
        if self.kind == "single" and len(self.layers) > 1:
            raise expected("depth 1 with kind single (more layers: kind stacked_cells or stacked_layers)")
        if self.embedding_dim is not None and self.encoding != "embedding":
            raise expected("embedding_dim with encoding embedding only")
        if self.encoding == "embedding" and self.embedding_dim is None:
            raise expected("an embedding_dim beside encoding embedding")
        return self

    @property
    def layers(self) -> tuple[int, ...]:
        """Units of each layer, from the input up."""
        return self.units if isinstance(self.units, tuple) else (self.units,) * (self.depth or 1)

    def parameters(self, input_dim: int, vocab_size: int | None) -> int:
        """Number of trainable values: for D input features, and V classes or no head."""
        total, below = 0, input_dim
        for units in self.layers:
            total += 4 * units * (below + units + 1)
            below = units
        embedding = (vocab_size or 0) * self.embedding_dim if self.embedding_dim else 0
        return embedding + total + (vocab_size * (below + 1) if vocab_size else 0)


_REGISTRY: dict[str, ModelSpec] = {}


def register_model(name: str, model: Mapping[str, Any] | ModelSpec | None = None, **description: Any) -> ModelSpec:
    """Give an architecture a name: `register_model("tiny", kind="single", units=2)`.

    Raises `InputError` for a name that is taken, and pydantic's `ValidationError` for a bad description.
    """
    if name in _REGISTRY:
        raise InputError(f"expected a new model name, received {name!r}, which is taken: choose another one")
    spec = model if isinstance(model, ModelSpec) else ModelSpec.model_validate({**(model or {}), **description})
    _REGISTRY[name] = spec
    return spec


def list_models(pattern: str = "*") -> list[str]:
    """Names of the zoo that match a shell pattern such as `char_*`, sorted."""
    return sorted(fnmatch.filter(_REGISTRY, pattern))


def get_model(name: str) -> ModelSpec:
    """The description behind a name; `InputError` with near names for an unknown one."""
    if name not in _REGISTRY:
        raise InputError(f"expected a model of the zoo, received {name!r}{did_you_mean(name, _REGISTRY)}")
    return _REGISTRY[name]


def _register_our_own() -> None:
    register_model("echo_4", kind="single", units=4)
    register_model("echo_4_5_cells", kind="stacked_cells", units=[4, 5])
    register_model("echo_3x4", kind="stacked_layers", units=4, depth=3)
    register_model("char_1x128", kind="single", units=128)
    register_model("char_jose_500", kind="single", units=500)
    for depth, units in ((2, 128), (2, 256), (3, 256), (2, 512), (3, 512)):
        register_model(f"char_{depth}x{units}", kind="stacked_layers", units=units, depth=depth)
        register_model(f"char_{depth}x{units}_cells", kind="stacked_cells", units=units, depth=depth)


_register_our_own()


def describe_models(pattern: str = "*", symbols: int = 65) -> str:
    """A table of the names that match: kind, units of each layer, parameters, measured results.

    Parameters are those of one bit in and two classes for echo models, of so many one-hot symbols for char models.
    """
    names = list_models(pattern)
    if not names:
        near = did_you_mean(pattern, _REGISTRY)
        raise InputError(f"expected a pattern that matches a model, received {pattern!r}{near}")
    measured = _measured()
    lines = [f"{'name':<17} {'kind':<15} {'units':<12} {'parameters':>10}  measured"]
    for name in names:
        spec = _REGISTRY[name]
        sizes = (symbols, symbols) if name.startswith("char") else (1, 2)
        units = " ".join(map(str, spec.layers))
        row = f"{name:<17} {spec.kind:<15} {units:<12} {spec.parameters(*sizes):>10,}"
        lines += [f"{row}  {text}" for text in measured.get(name, ["-"])]
    return "\n".join([*lines, "", f"parameters of char models: for {symbols} symbols"])


def _measured() -> dict[str, list[str]]:
    """Results of real runs by name, from results.csv (the median of three seeds; experiments/ has the commands)."""
    found: dict[str, list[str]] = {}
    with (Path(__file__).parent / "results.csv").open() as file:
        for row in csv.DictReader(file):
            loss, accuracy = float(row["val_loss"]), float(row["val_accuracy"])
            text = f"{row['config']}.yaml: val_loss {loss:.2g}, val_accuracy {accuracy:.4g}"
            found.setdefault(row["model"], []).append(text)
    return found


def main(prog_name: str) -> None:
    """`python -m lstmzoo.zoo [PATTERN]`."""
    import typer

    from lstmzoo import zoo as zoo_module  # not __main__: its registry is the one that others see
    from lstmzoo.startup import command_line

    def zoo(pattern: Annotated[str, typer.Argument(help="shell pattern, such as 'char_*'")] = "*") -> None:
        """List the named models."""
        print(zoo_module.describe_models(pattern))

    command_line(zoo, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.zoo")
