"""The description of a model: a stack of LSTM layers, the YAML's `model` section. No TensorFlow."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from typing_extensions import Self

from lstmzoo.errors import InputError
from lstmzoo.models.initializers import Uniform
from lstmzoo.schema.problems import explain
from lstmzoo.schema.section import Count, Fraction, Section, all_expected, expected

MAX_DEPTH = 1000

SYMBOLIC = ("scalar", "one_hot", "embedding")
ENCODINGS = (*SYMBOLIC, "features")  # which are numbers
DROPOUTS = ("dropout", "recurrent_dropout", "input_dropout", "output_dropout")  # keys of rates
NUMBERS = "outputs"  # name of the head of a model whose outputs are numbers: a saved model keeps it


class Sizes(NamedTuple):
    """Sizes of what goes into a model and comes out of it: V symbols, or D numbers and M numbers."""

    vocab_size: int | None = None
    input_dim: int | None = None
    outputs: int | None = None

    @property
    def head(self) -> int:
        """V or M, the outputs of the model; 0 for a model without a head."""
        return self.outputs or self.vocab_size or 0


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
if TYPE_CHECKING:
    EncodingName = str
else:
    EncodingName = Literal[("auto", *ENCODINGS)]


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
    recurrent_dropout: Fraction = 0.0
    """Share of h dropped on its way to the next step of its layer, one mask a window and lane; 0: none."""
    input_dropout: Fraction = 0.0
    """Share of the first layer's inputs dropped (one-hot: of the symbols), one mask a window and lane; 0: none."""
    output_dropout: Fraction = 0.0
    """Share of the last layer's outputs dropped in front of the head, one mask a window and lane; 0: none."""
    recurrent_activation: Literal["sigmoid", "hard_sigmoid"] = "sigmoid"
    """Activation of the gates i, f, o."""
    initializer: Uniform | None = None
    """Initial weights; null: Glorot uniform kernels, orthogonal recurrent ones, biases 0 but 1 at the forget gate."""
    encoding: EncodingName = "auto"
    """How a symbol enters the net; auto is the task's own (echo: scalar; char: one_hot). features: numbers."""
    embedding_dim: Count | None = None
    """Size of the embedding; with encoding embedding only."""
    skip: bool = False
    """The inputs are added to the outputs through a linear layer without a bias; not where inputs are symbols."""
    skip_outputs: bool = False
    """The head sees the sum of the outputs of all layers; with stacked_layers of equal units only."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        found, encoding = [], self.encoding
        if self.depth is not None and isinstance(self.units, tuple) and self.depth != len(self.units):
            found.append((f"no depth, or depth {len(self.units)}, with a list of {len(self.units)} units", ""))
        if self.kind == "single" and len(self.layers) > 1:
            found.append(("depth 1 with kind single (more layers: kind stacked_cells or stacked_layers)", ""))
        if self.embedding_dim is not None and encoding != "embedding":
            found.append(("embedding_dim with encoding embedding only", ""))
        if encoding == "embedding" and self.embedding_dim is None:
            found.append(("an embedding_dim with encoding embedding", ""))
        if self.skip and encoding in SYMBOLIC:
            found.append((f"false with encoding {encoding}, whose inputs are symbols", "skip"))
        if self.skip_outputs and (self.kind != "stacked_layers" or len(set(self.layers)) > 1 or len(self.layers) == 1):
            found.append(("false but with kind stacked_layers and two or more layers of equal units", "skip_outputs"))
        if found:
            raise all_expected(found)
        return self

    @property
    def layers(self) -> tuple[int, ...]:
        """Units of each layer, from the input up."""
        return self.units if isinstance(self.units, tuple) else (self.units,) * (self.depth or 1)

    def input_dim(self, encoding: str, sizes: Sizes) -> int:
        """Return D, the number of features that the first layer receives in a step."""
        found = {"one_hot": sizes.vocab_size, "embedding": self.embedding_dim, "features": sizes.input_dim}
        return found.get(encoding) or 1

    def parameters(self, input_dim: int, vocab_size: int | None) -> int:
        """Count the trainable values for D input features and V classes, or M numbers; `vocab_size=None`: no head.

        One layer of 4 units with 1 input feature and 2 classes has 4 * 4 * (1 + 4 + 1) + 2 * (4 + 1) = 106.
        """
        total, below = 0, input_dim
        for units in self.layers:
            total += 4 * units * (below + units + 1)
            below = units
        embedding = (vocab_size or 0) * self.embedding_dim if self.embedding_dim else 0
        skip = input_dim if self.skip else 0
        return embedding + total + (vocab_size * (below + 1 + skip) if vocab_size else 0)


def spec_of(description: Mapping[str, Any]) -> ModelSpec:
    """Return the section that a mapping describes; raise `InputError` with a line for each key that is wrong."""
    try:
        return ModelSpec.model_validate(dict(description))
    except ValidationError as error:
        found = explain(error, dict(description), ModelSpec)
        lines = (f"{' '.join(('model', *map(str, path)))}: {reason.text}" for path, reason in found.items())
        raise InputError("\n".join(lines)) from None
