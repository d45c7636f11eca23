"""Recognition of the tensors of a PyTorch state dict, by name and shape."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lstmzoo.convert.bounds import listed
from lstmzoo.convert.torch_roles import HEAD, TABLE, choose, modules_of, possible_roles
from lstmzoo.errors import InputError

_RECURRENT = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<part>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(?P<layer>\d+))?(?P<reverse>_reverse)?"
)
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Names(NamedTuple):
    """The names of a model's tensors."""

    layers: list[dict[str, str]]
    """For each layer, from the input up: weight_ih, weight_hh, and both biases or none."""
    linear: dict[str, str]
    """weight, and bias if any; empty: no head."""
    embedding: str | None


def sort_tensors(shapes: Mapping[str, tuple[int, ...]], table: str | None = None, *, live: bool = False) -> Names:
    """Sort the tensors of one stack of LSTMs by their part in it; names and shapes decide, never the order.

    `live`: `table` is the name of the Embedding's weight; None: there is none.

    The stack is one `nn.LSTM`, or a numbered series (`lstms.0.weight_ih_l0`, `lstm1.weight_ih_l0`,
    `blocks.0.lstm.weight_ih_l0`) of `nn.LSTM` with one layer each or of `nn.LSTMCell`.
    Raises `InputError` that names a tensor of another kind, with the reason.
    """
    found = {name: match for name in shapes if (match := _RECURRENT.fullmatch(name))}
    kinds_first = sorted(found.items(), key=lambda item: not (item[1]["reverse"] or item[1]["part"] == "weight_hr"))
    for name, match in kinds_first:  # the kind of net explains a wrong shape better than the shape does
        _check_kind(name, match, shapes)
    layers = _layers(found)
    modules = modules_of({name: shape for name, shape in shapes.items() if name not in found})
    bottom, top = layers[0]["weight_ih"], layers[-1]["weight_hh"]
    if live:
        roles = {parts["weight"]: {TABLE if parts["weight"] == table else HEAD} for parts in modules.values()}
    else:
        roles = possible_roles(modules, shapes, bottom, top)
    chosen = choose(roles)
    linears = [parts for parts in modules.values() if chosen[parts["weight"]] == HEAD]
    tables = [weight for weight, role in chosen.items() if role == TABLE]
    return Names(layers, linears[0] if linears else {}, tables[0] if tables else None)


def _check_kind(name: str, match: re.Match[str], shapes: Mapping[str, tuple[int, ...]]) -> None:
    shape = shapes[name]
    if match["reverse"]:
        raise InputError(f"{name}: expected an LSTM of one direction, received a bidirectional one")
    if match["part"] == "weight_hr":
        raise InputError(f"{name}: expected an LSTM without projection, received one with proj_size {shape[:1]}")
    dimensions = 1 if match["part"].startswith("bias") else 2
    if len(shape) != dimensions:
        raise InputError(f"{name}: expected {dimensions} dimensions, received shape {list(shape)}")
    if match["part"] == "weight_hh" and shape[0] != 4 * shape[1]:
        what = {3: " (of a GRU)", 1: " (of a plain RNN)"}.get(shape[0] // max(shape[1], 1), "")
        raise InputError(f"{name}: expected shape [4H, H], received {list(shape)}{what}")


def _layers(found: Mapping[str, re.Match[str]]) -> list[dict[str, str]]:
    stacks: dict[str, dict[int, dict[str, str]]] = {}
    for name, match in found.items():
        layer = stacks.setdefault(match["prefix"], {}).setdefault(int(match["layer"] or 0), {})
        if (other := layer.setdefault(match["part"], name)) != name:
            raise InputError(f"tensors: expected each part of a layer once, received {other} and {name}: keep one")
    if not stacks:
        raise InputError("tensors: expected those of an nn.LSTM (weight_ih_l0 and so on), received none")
    layers = _in_series(stacks) if len(stacks) > 1 else next(iter(stacks.values()))
    where = min(stacks)
    for index in range(len(layers)):
        parts = set(layers.get(index, {}))
        lacking = [part for part in PARTS[: 4 if parts & set(PARTS[2:]) else 2] if part not in parts]
        if lacking:
            raise InputError(f"tensors: expected {lacking[0]} of layer {index} of '{where}', received none")
    return [layers[index] for index in range(len(layers))]


def _in_series(stacks: Mapping[str, dict[int, dict[str, str]]]) -> dict[int, dict[str, str]]:
    """Return the layers of modules `lstms.0.`, `lstms.1.`, ..., each of one layer; the number may stand anywhere."""
    split = {prefix: re.split(r"(\d+)", prefix) for prefix in stacks}
    first = next(iter(split.values()))
    alike = all(len(parts) == len(first) and parts[::2] == first[::2] for parts in split.values())
    places = [n for n in range(1, len(first), 2) if alike and len({int(parts[n]) for parts in split.values()}) > 1]
    numbers = {int(parts[places[0]]): prefix for prefix, parts in split.items()} if len(places) == 1 else {}
    whole = len(numbers) == len(stacks) == max(numbers) - min(numbers) + 1 if numbers else False
    if not whole or any(set(stack) != {0} for stack in stacks.values()):
        raise InputError(
            "tensors: expected one nn.LSTM, or modules of one layer numbered without a gap, received "
            f"{listed(map(repr, sorted(stacks)))}: give the tensors of one stack"
        )
    return {number - min(numbers): stacks[prefix][0] for number, prefix in numbers.items()}


def shapes_of(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array or tensor."""
    return {name: tuple(getattr(value, "shape", ())) for name, value in tensors.items()}
