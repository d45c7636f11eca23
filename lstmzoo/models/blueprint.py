"""A model as data: the description that `build_model` needs, and the weights as NumPy arrays. No TensorFlow.

`rebuild` makes a blueprint of a live model, and a model of a blueprint; `convert` makes blueprints of other programs'
files.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.models.registry import get_model
from lstmzoo.models.spec import ENCODINGS, MAX_DEPTH, ModelSpec, Sizes, spec_of


class LayerWeights(NamedTuple):
    """Weights of one LSTM layer; gates in Keras's order i, f, c (the candidate), o."""

    kernel: np.ndarray
    """`[D, 4H]`"""
    recurrent_kernel: np.ndarray
    """`[H, 4H]`"""
    bias: np.ndarray
    """`[4H]`"""

    @property
    def units(self) -> int:
        """H, the size of h and of c."""
        return int(self.recurrent_kernel.shape[0])


class HeadWeights(NamedTuple):
    """Weights of the Dense layer: logits are `h @ kernel + bias`."""

    kernel: np.ndarray
    """`[H, V]`"""
    bias: np.ndarray
    """`[V]`"""


class Weights(NamedTuple):
    """All weights of a stack, from the input up."""

    layers: tuple[LayerWeights, ...]
    head: HeadWeights | None = None
    embedding: np.ndarray | None = None
    """`[V, E]`"""
    skip: np.ndarray | None = None
    """`[D, M]`: the outputs are `h @ kernel + bias + x @ skip`."""

    def in_order(self) -> list[np.ndarray]:
        """List the arrays in the order of `model.get_weights()`.

        That is: embedding if any; kernel, recurrent_kernel, bias of each layer; kernel and bias of the head if any; the
        kernel of the skip if any.
        """
        return list(self.named().values())

    def named(self) -> dict[str, np.ndarray]:
        """Return the arrays by name, in the order of `model.get_weights()`: "embedding", "layer 0 kernel", ..."""
        parts: dict[str, np.ndarray] = {} if self.embedding is None else {"embedding": self.embedding}
        for number, layer in enumerate(self.layers):
            parts |= {f"layer {number} {name}": part for name, part in layer._asdict().items()}
        parts |= {} if self.head is None else {f"head {name}": part for name, part in self.head._asdict().items()}
        return parts | ({} if self.skip is None else {"skip kernel": self.skip})


class Blueprint(NamedTuple):
    """All that `rebuild.build` needs to build a model with the same weights."""

    spec: ModelSpec
    """kind, units, rates of dropout and recurrent_activation; where there is an embedding its encoding and size too."""
    encoding: str
    """"scalar", "one_hot", "embedding" or "features"."""
    vocab_size: int | None
    """V; None: no head, or one of numbers."""
    input_dim: int | None
    """D, with encoding "features" only."""
    weights: Weights
    batch_size: int = 1
    seq_length: int | None = None
    dtype: str = "float32"
    outputs: int | None = None
    """M, the numbers that come out of a model of numbers."""


def draw_up(
    weights: Weights,
    encoding: str,
    *,
    kind: str | None = None,
    batch_size: int = 1,
    seq_length: int | None = None,
    dtype: str = "float32",
    numbers: bool = False,
    **others: Any,
) -> Blueprint:
    """Make the blueprint of weights whose layers fit one another.

    `kind=None`: single for one layer, stacked_layers for several. `numbers`: the outputs are numbers, not logits.
    `others`: keys of the description that weights do not show, such as dropout=0.2.
    Raises `InputError` for an impossible kind or dropout, for more than 1,000 layers, for weights that are not finite,
    and where the encoding and the sizes of input, embedding and head contradict one another: one-hot or embedded inputs
    and the classes of the head are the same V symbols.
    """
    if len(weights.layers) > MAX_DEPTH:
        raise InputError(f"model: expected at most {MAX_DEPTH:,} LSTM layers, received {len(weights.layers):,}")
    size = None if weights.head is None else int(weights.head.kernel.shape[1])
    if numbers and (size is None or encoding != "features"):
        received = "none" if size is None else f"encoding {shown(encoding)}"
        raise InputError(
            f"numbers: expected a head and encoding 'features' where the outputs are numbers, received {received}"
        )
    vocab_size, outputs = (None, size) if numbers else (size, None)
    _check_encoding(weights, encoding, vocab_size)
    require_finite(weights)
    table = weights.embedding
    embedded = {} if table is None else {"encoding": "embedding", "embedding_dim": int(table.shape[1])}
    description = {
        "kind": kind or ("single" if len(weights.layers) == 1 else "stacked_layers"),
        "units": tuple(layer.units for layer in weights.layers),
        **({} if weights.skip is None else {"skip": True}),
    }
    spec = described(description | others | embedded)
    input_dim = int(weights.layers[0].kernel.shape[0]) if encoding == "features" else None
    return Blueprint(spec, encoding, vocab_size, input_dim, weights, batch_size, seq_length, dtype, outputs)


def from_list(spec: ModelSpec, encoding: str, sizes: Sizes, arrays: Sequence[np.ndarray]) -> Blueprint:
    """Make the blueprint of a description and the list of arrays that `model.get_weights()` returns.

    Raises `InputError` for arrays of other shapes than those of the description.
    """
    expected, received = weight_shapes(spec, encoding, sizes), [array.shape for array in arrays]
    if received != expected:
        raise InputError(f"weights: expected arrays of {expected}, received {received}")
    table, rest = (arrays[0], arrays[1:]) if encoding == "embedding" else (None, arrays)
    split = 3 * len(spec.layers)
    layers, (kernel, bias, *skip) = (LayerWeights(*rest[k : k + 3]) for k in range(0, split, 3)), rest[split:]
    weights = Weights(tuple(layers), HeadWeights(kernel, bias), table, *skip)
    return Blueprint(spec, encoding, sizes.vocab_size, sizes.input_dim, weights, outputs=sizes.outputs)


def require_finite(weights: Weights) -> None:
    """Raise `InputError` with the name of the first array that holds NaN or infinity."""
    for name, array in weights.named().items():
        if not np.isfinite(array).all():
            raise InputError(f"{name}: expected finite numbers, received NaN or infinity: the model is damaged")


def weight_shapes(spec: ModelSpec, encoding: str, sizes: Sizes) -> list[tuple[int, ...]]:
    """Return the shapes of a description's arrays, in the order of `model.get_weights()`."""
    size, below = sizes.head, spec.input_dim(encoding, sizes)
    skip = [(below, size)] if spec.skip else []
    shapes: list[tuple[int, ...]] = [(size, below)] if encoding == "embedding" else []
    for units in spec.layers:
        shapes += [(below, 4 * units), (units, 4 * units), (4 * units,)]
        below = units
    return [*shapes, (below, size), (size,), *skip]


def described(model: str | Mapping[str, Any] | ModelSpec, overrides: Mapping[str, Any] | None = None) -> ModelSpec:
    """Return the description of a model given as a name of the zoo, a mapping as in the YAML, or a `ModelSpec`.

    `overrides` replace its values; a list of units replaces the depth too. Raises `InputError` for a bad description.
    """
    spec = get_model(model) if isinstance(model, str) else model
    if isinstance(spec, ModelSpec) and not overrides:
        return spec
    if not isinstance(spec, (ModelSpec, Mapping)):
        raise InputError(f"model: expected a name of the zoo, a mapping or a ModelSpec, received {shown(model)}")
    data = dict(spec) if isinstance(spec, Mapping) else spec.model_dump(exclude_unset=True)
    if overrides and isinstance(overrides.get("units"), (list, tuple)):
        data.pop("depth", None)
    return spec_of({**data, **(overrides or {})})


def _check_encoding(weights: Weights, encoding: str, vocab_size: int | None) -> None:
    if encoding not in ENCODINGS:
        near = did_you_mean(encoding, ENCODINGS)
        raise InputError(f"encoding: expected a known one, received {shown(encoding)}{near}")
    size, table = int(weights.layers[0].kernel.shape[0]), weights.embedding
    if (encoding == "embedding") != (table is not None):
        received = "no embedding" if table is None else f"an embedding {list(table.shape)}"
        raise InputError(
            f"encoding: expected 'embedding' where there is an embedding, and only there, received "
            f"{shown(encoding)} and {received}"
        )
    if table is not None and table.shape[1] != size:
        raise InputError(
            f"embedding: expected shape [V, {size}], as layer 0 takes {size} features, received {list(table.shape)}"
        )
    symbols = {"scalar": 1, "one_hot": vocab_size}.get(encoding, size)
    if encoding == "one_hot" and vocab_size is None:
        raise InputError("encoding: expected 'features' for a model without a head, received 'one_hot'")
    if symbols != size:
        raise InputError(
            f"encoding: expected {symbols} input features with {encoding!r}, received {size}: use 'features'"
        )
    if table is not None and table.shape[0] != vocab_size:
        raise InputError(
            f"embedding: expected as many rows as the head has classes, received {table.shape[0]} rows and "
            f"{'no head' if vocab_size is None else f'{vocab_size} classes'}: remove the embedding and use 'features'"
        )
