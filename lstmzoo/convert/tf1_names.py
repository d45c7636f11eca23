"""Recognition of the variables of a TensorFlow 1 program, by name and shape."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmzoo.convert.bounds import listed, require_short
from lstmzoo.errors import InputError

# rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel; until TensorFlow 1.1 the variables were called weights and biases,
# and in 0.x RNN/MultiRNNCell/Cell0/BasicLSTMCell/Linear/Matrix and Bias, or LSTMCell/W_0 and B
_CELL = re.compile(
    r"(?P<scope>(?:.+?/)??)(?:(?:cell_|Cell)(?P<layer>\d+)/)?"
    r"(?:basic_lstm_cell|lstm_cell|lstm_fused_cell|cudnn_compatible_lstm_cell|BasicLSTMCell|LSTMCell)/(?:Linear/)?"
    r"(?P<part>kernel|bias|weights|biases|Matrix|Bias|W_0|B)"
)
_PARTS = {"weights": "kernel", "Matrix": "kernel", "W_0": "kernel", "biases": "bias", "Bias": "bias", "B": "bias"}
_SLOT = re.compile(
    r".*/(Adam|Adagrad|AdagradDA|Adadelta|Momentum|RMSProp|Ftrl|AdaMax|Nadam|ExponentialMovingAverage)(_\d+)?"
)
_FOREIGN = {
    r"(^|[/_])(fw|bw)/": "of a bidirectional net: expected one direction",
    r"recurrent_kernel": "of a Keras layer: expected TensorFlow 1's own cells: save the model and use from_keras",
    r"gru_?cell|/gates/|/candidate/": "of a GRU: expected BasicLSTMCell",
    r"w_[fio]_diag$": "of peepholes: expected a cell without",
    r"(^|/)projection/": "of a projection: expected a cell without",
    r"opaque_kernel": "of CudnnLSTM: expected its canonical variables, one kernel and bias for each layer",
    r"basic_?rnn_?cell": "of a BasicRNNCell: expected BasicLSTMCell",
}
_IN_FRONT = re.compile(r"(^|[/_])(in|inputs?)([/_]|$)")
_PLAIN = ("w", "weight", "weights", "kernel", "matrix", "table", "params")  # names without a meaning: the scope has it
Pairs = list[tuple[Any, Any]]


def forget_bias_of(variables: Mapping[str, Any]) -> float:
    """Return what the program adds to the forget gate: 0 in CudnnCompatibleLSTMCell, 1 in the other cells by default.

    (Source: `tensorflow/contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py` of TensorFlow 1.15.)
    """
    return 0.0 if any("cudnn_compatible_lstm_cell/" in name for name in variables) else 1.0


def sort_variables(variables: Mapping[str, Any]) -> tuple[Pairs, tuple[Any, Any] | None, Any]:
    """Sort variables, given by name, into (cells, head, embedding).

    Slots of optimizers and scalars (global_step, beta1_power) are ignored. Of the rest, a matrix with `embed` in the
    last part of its name is the embedding; one matrix with at most one vector are the head, unless their names say
    that they belong to the input.
    Raises `InputError` that names the variables which are not part of such a model, or of which there are too many.
    """
    require_short(variables)
    named = {name.removesuffix(":0"): variables[name] for name in sorted(variables)}
    if len(named) < len(variables):
        raise InputError("variables: expected each variable once, received one with and without ':0': remove one")
    for name, value in named.items():
        _require_array(name, value)
    kept = {name: value for name, value in named.items() if not _passed_over(name, value, named)}
    for name in kept:
        for pattern, what in _FOREIGN.items():
            if re.search(pattern, name, re.IGNORECASE):
                raise InputError(f"variable {name!r} is {what}")
    cells = {name: found for name in kept if (found := _CELL.fullmatch(name))}
    rest = {name: value for name, value in kept.items() if name not in cells}
    tables = [name for name in rest if _is_table(name) and np.ndim(rest[name]) == 2]
    if len(tables) > 1:
        raise InputError(f"variables: expected one embedding, received {listed(tables)}: keep one of them")
    embedding = rest.pop(tables[0]) if tables else None
    return _cells(kept, cells), _head(rest), embedding


def _require_array(name: str, value: Any) -> None:
    try:
        np.shape(value)
    except ValueError as error:
        raise InputError(f"variable {name!r}: expected an array, received rows of different lengths") from error


def _passed_over(name: str, value: Any, variables: Mapping[str, Any]) -> bool:
    """Tell whether a variable is a scalar or an optimizer's slot.

    A slot has another variable's name as its scope, and the same shape, for any optimizer.
    """
    owner = variables.get(name.rpartition("/")[0])
    slot = _SLOT.fullmatch(name) is not None or (owner is not None and np.shape(owner) == np.shape(value))
    return np.ndim(value) == 0 or slot


def _is_table(name: str) -> bool:
    *scope, last = name.lower().split("/")
    return "embed" in (scope[-1] if scope and last in _PLAIN else last)


def _cells(variables: Mapping[str, Any], found: Mapping[str, re.Match[str]]) -> Pairs:
    scopes = sorted({match["scope"] for match in found.values()})
    if len(scopes) != 1:
        raise InputError(
            "variables: expected the kernel and bias of a BasicLSTMCell, or of those of one MultiRNNCell, received "
            + (f"several stacks {listed(scopes)}: give (kernel, bias) of each layer as a list" if scopes else
               f"none among {listed(variables)}: give (kernel, bias) of each layer as a list, and the head")
        )  # fmt: skip
    layers: dict[int, dict[str, str]] = {}
    for name, match in found.items():
        part = _PARTS.get(match["part"], match["part"])
        other = layers.setdefault(int(match["layer"] or 0), {}).setdefault(part, name)
        if other != name:
            raise InputError(f"variables: expected each part of a cell once, received {other} and {name}: keep one")
    expected = [(index, part) for index in range(len(layers)) for part in ("kernel", "bias")]
    missing = [f"{part} of cell_{index}" for index, part in expected if part not in layers.get(index, {})]
    if missing:
        raise InputError(f"variables: expected kernel and bias of each cell, received no {', no '.join(missing)}")
    return [tuple(variables[layers[index][part]] for part in ("kernel", "bias")) for index in sorted(layers)]  # type: ignore[misc]


def _head(rest: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Return the one matrix and vector that remain as (weights, bias); for a matrix alone the bias is zeros."""
    if not rest:
        return None
    for name in rest:
        if _IN_FRONT.search(name.lower()):
            raise InputError(
                f"variable {name!r} is, by its name, of a layer below the cells: expected cells that take the input or "
                "an embedding: if it is the head, pass cells and head as separate arguments"
            )
    matrices = [value for value in rest.values() if np.ndim(value) == 2]
    vectors = [value for value in rest.values() if np.ndim(value) == 1]
    if len(matrices) != 1 or len(vectors) > 1 or len(rest) != len(matrices) + len(vectors):
        raise InputError(
            f"variables: expected one matrix [H, V] and one vector [V] beside the cells, for the head, received "
            f"{listed(f'{name} {list(np.shape(value))}' for name, value in rest.items())}: remove all other variables"
        )
    bias = vectors[0] if vectors else np.zeros(np.shape(matrices[0])[1], np.float32)
    return matrices[0], bias
