"""Recognition of the tensors of a PyTorch state dict, by name and shape."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lstmzoo.errors import InputError

_RECURRENT = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<part>weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(?P<layer>\d+))?(?P<reverse>_reverse)?"
)
_NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>\d+)\.")
PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class Names(NamedTuple):
    """The names of a model's tensors."""

    layers: list[dict[str, str]]
    """For each layer, from the input up: weight_ih, weight_hh, and both biases or none."""
    linear: dict[str, str]
    """weight, and bias if any; empty: no head."""
    embedding: str | None


_TABLE = re.compile(r"(^|[._])(embed|embeds|embedding|embeddings|emb|wte|tok_emb|encoder)$")
_HEAD = re.compile(r"(^|[._])(linear|fc|decoder|lm_head|head|out|output)$")
_IN_FRONT = re.compile(r"(^|[._])(in|inp|inputs?)([._]|$)")
_AMBIGUOUS = "pass a mapping with the keys embedding.weight and linear.weight, or from_torch(module)"


def sort_tensors(shapes: Mapping[str, tuple[int, ...]], table: str | None = None, *, live: bool = False) -> Names:
    """Sort the tensors of one stack of LSTMs by their part in it.

    `live`: `table` is the name of the Embedding's weight; None: there is none. Else the order of definition decides, an
    Embedding before the LSTM and a Linear after it; in files sorted by name (safetensors) shapes and names decide.

    The stack is one `nn.LSTM`, or a numbered series (`lstms.0.weight_ih_l0`, `lstm1.weight_ih_l0`) of `nn.LSTM` with
    one layer each or of `nn.LSTMCell`. Raises `InputError` that names a tensor of another kind, with the reason.
    """
    found = {name: match for name in shapes if (match := _RECURRENT.fullmatch(name))}
    kinds_first = sorted(found.items(), key=lambda item: not (item[1]["reverse"] or item[1]["part"] == "weight_hr"))
    for name, match in kinds_first:  # the kind of net explains a wrong shape better than the shape does
        _check_kind(name, match, shapes)
    layers = _layers(found)
    first, last = shapes[layers[0]["weight_ih"]], shapes[layers[-1]["weight_hh"]]
    rest = {name: shape for name, shape in shapes.items() if name not in found}
    in_order = next(match["part"] for match in found.values()) == "weight_ih"  # sorted by name, it comes last
    before = set(list(shapes)[: list(shapes).index(next(iter(found)))]) if in_order else None
    chosen = {table} - {None} if live else None
    linear, embedding = _others(rest, first[1], last[1], before, chosen)
    return Names(layers, linear, embedding)


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
        stacks.setdefault(match["prefix"], {}).setdefault(int(match["layer"] or 0), {})[match["part"]] = name
    if not stacks:
        raise InputError("tensors: expected those of an nn.LSTM (weight_ih_l0 and so on), received none")
    layers = _in_series(stacks) if len(stacks) > 1 else next(iter(stacks.values()))
    where = next(iter(stacks)) if len(stacks) == 1 else _stem(next(iter(stacks)))
    for index in range(len(layers)):
        parts = set(layers.get(index, {}))
        lacking = [part for part in PARTS[: 4 if parts & set(PARTS[2:]) else 2] if part not in parts]
        if lacking:
            raise InputError(f"tensors: expected {lacking[0]} of layer {index} of '{where}', received none")
    return [layers[index] for index in range(len(layers))]


def _in_series(stacks: Mapping[str, dict[int, dict[str, str]]]) -> dict[int, dict[str, str]]:
    """Return the layers of modules `lstms.0.`, `lstms.1.`, ..., each of one layer."""
    numbers = {int(match["number"]): prefix for prefix in stacks if (match := _NUMBERED.fullmatch(prefix))}
    first = min(numbers, default=0)
    whole = len(numbers) == len(stacks) and sorted(numbers) == list(range(first, first + len(stacks)))
    if (
        not whole
        or len({_stem(prefix) for prefix in stacks}) > 1
        or any(set(stack) != {0} for stack in stacks.values())
    ):
        raise InputError(
            "tensors: expected one nn.LSTM, or modules of one layer numbered without a gap, received "
            f"{', '.join(repr(prefix) for prefix in sorted(stacks)[:8])}: give the tensors of one stack"
        )
    return {number - first: stacks[prefix][0] for number, prefix in numbers.items()}


def _stem(prefix: str) -> str:
    match = _NUMBERED.fullmatch(prefix)
    return match["stem"] if match else prefix


def _others(
    rest: Mapping[str, tuple[int, ...]], size: int, units: int, before: set[str] | None, chosen: set[str | None] | None
) -> tuple[dict[str, str], str | None]:
    """Find the Linear's tensors by part, and the Embedding's name, among tensors that are not of an LSTM."""
    modules: dict[str, dict[str, str]] = {}
    for name, shape in rest.items():
        prefix, _, part = name.rpartition(".")
        if (part, len(shape)) not in (("weight", 2), ("bias", 1)):
            raise InputError(
                f"{name}: expected LSTM, Linear and Embedding only, received {list(shape)} of another layer"
            )
        modules.setdefault(prefix, {})[part] = name
    for parts in modules.values():
        if "weight" not in parts:
            raise InputError(f"{parts['bias']}: expected a weight [V, H] beside it, as a Linear has, received it alone")
    weights = {parts["weight"]: prefix for prefix, parts in modules.items()}
    if chosen is None:
        chosen = _tables(modules, rest, size, units, before)
    tables = [prefix for weight, prefix in weights.items() if weight in chosen]
    linears = [prefix for prefix in modules if prefix not in tables]
    for found, what in ((tables, "Embedding"), (linears, "Linear")):
        if len(found) > 1:
            names = ", ".join(modules[prefix]["weight"] for prefix in found)
            raise InputError(f"tensors: expected at most one {what}, received {names}: keep one of them")
    return (modules[linears[0]] if linears else {}), (modules[tables[0]]["weight"] if tables else None)


def _tables(
    modules: Mapping[str, dict[str, str]],
    shapes: Mapping[str, tuple[int, ...]],
    size: int,
    units: int,
    before: set[str] | None,
) -> set[str | None]:
    """Find the weights `[V, D]` of Embeddings: those without a bias, by their order, or else by shape and name."""
    for prefix, parts in modules.items():
        in_front = parts["weight"] in (before or ()) or _IN_FRONT.search(prefix.lower())
        if "bias" in parts and in_front and prefix != "linear":
            raise InputError(
                f"{parts['weight']}: expected a Linear above the LSTM, received one in front: {_AMBIGUOUS}"
            )
    plain = {parts["weight"] for parts in modules.values() if "bias" not in parts}
    exact = plain & {"embedding.weight"}
    plain -= {"embedding.weight", "linear.weight"}
    if before is not None:
        return set(exact | plain & before)
    if exact or not plain:
        return set(exact)
    return set(_by_name(plain, shapes, size, units))


def _by_name(plain: set[str], shapes: Mapping[str, tuple[int, ...]], size: int, units: int) -> set[str]:
    """Find Embeddings in tensors sorted by name: by the number of columns, D or H, or by name where these are equal."""
    if size != units:
        return {name for name in plain if shapes[name][1] == size}
    prefixes = {name: name.removesuffix(".weight").lower() for name in plain}
    tables = {name for name, prefix in prefixes.items() if _TABLE.search(prefix)}
    if len(tables) == 1 or all(_HEAD.search(prefix) for prefix in prefixes.values()):
        return tables
    raise InputError(
        "tensors: expected names that show which is the Embedding and which the Linear, received "
        f"{', '.join(sorted(plain))}: {_AMBIGUOUS}"
    )


def shapes_of(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array or tensor."""
    return {name: tuple(getattr(value, "shape", ())) for name, value in tensors.items()}
