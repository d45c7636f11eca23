"""Tensors as the layers use them, from those that a state dict holds in parts.

A weight may be stored as norm and direction (weight_norm), with a mask (prune), or under another name (weight-drop).
(Source: torch.nn.utils.weight_norm, .parametrizations and .prune; WeightDrop of AWD-LSTM and of fastai.)
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmzoo.convert.arrays import floats
from lstmzoo.convert.bounds import listed, require_short
from lstmzoo.errors import InputError

_WEIGHT = r"(?P<weight>(?:.*\.)?(?:weight|bias)(?:_(?:ih|hh)(?:_l\d+)?)?)"
_PART = re.compile(_WEIGHT + r"_(?P<part>g|v|orig|mask|raw|u)")
_PARAMETRIZED = re.compile(r"(?P<module>(?:.*\.)?)parametrizations\.(?P<weight>[^.]+)\.(?P<part>.+)")
_LOSS = re.compile(r"(^|\.)(\w+_)?(loss|losses|loss_fn|loss_func|loss_function|criterion|criteria)\.")
_ORIGINALS = {"original0": "g", "original1": "v"}  # of parametrizations.weight_norm


def used_tensors(tensors: Mapping[str, Any], left_out: list[str]) -> dict[str, Any]:
    """Return the tensors that the layers compute with; the names of buffers of a loss go to `left_out`.

    Raises `InputError` that names a parametrization whose arithmetic is not plain, and the call that removes it; and
    for a name that is too long, or a nested tensor.
    """
    require_short(tensors)
    for name, value in tensors.items():
        if getattr(value, "is_nested", False):
            raise InputError(f"{name}: expected a dense tensor, received a nested one")
    left_out += [name for name in tensors if _LOSS.search(name)]
    kept = {name: value for name, value in tensors.items() if not _LOSS.search(name)}
    parts: dict[str, dict[str, str]] = {}
    for name in kept:
        if found := _part(name):
            parts.setdefault(found[0], {})[found[1]] = name
    modules = {name.rpartition(".")[0] for name in kept}
    made = {_place(weight, names, modules): _made(weight, names, kept) for weight, names in parts.items()}
    used = {name for names in parts.values() for name in names.values()}
    whole = {name: value for name, value in kept.items() if name not in used}
    return {name: value for name, value in (whole | made).items() if not _is_copy(name, whole)}


def _part(name: str) -> tuple[str, str] | None:
    """Return the weight that a tensor is a part of, and which part: g, v, orig, mask, raw, u, or another name."""
    if found := _PARAMETRIZED.fullmatch(name):
        return found["module"] + found["weight"], _ORIGINALS.get(found["part"], found["part"])
    found = _PART.fullmatch(name)
    return (found["weight"], found["part"]) if found else None


def _place(weight: str, names: Mapping[str, str], modules: set[str]) -> str:
    """Return the weight's own name; fastai keeps the raw one beside the module that uses it."""
    module, _, last = weight.rpartition(".")
    within = f"{module}.module" if module else "module"
    return f"{within}.{last}" if "raw" in names and within in modules else weight


def _made(weight: str, names: Mapping[str, str], tensors: Mapping[str, Any]) -> Any:
    if set(names) == {"raw"}:
        return tensors[names["raw"]]
    arrays = {part: floats(tensors[name], name) for part, name in names.items() if part in ("g", "v", "orig", "mask")}
    if set(names) == {"g", "v"}:
        return _from_norm(names["g"], arrays["g"], arrays["v"])
    if set(names) == {"orig", "mask"} and arrays["orig"].shape == arrays["mask"].shape:
        return arrays["orig"] * arrays["mask"]
    raise InputError(
        f"{listed(sorted(names.values()))}: expected {weight} itself, received parts that it is computed from: "
        f"{_remedy(weight, names)}"
    )


def _remedy(weight: str, names: Mapping[str, str]) -> str:
    module, _, last = weight.rpartition(".")
    if any("parametrizations." in name for name in names.values()):
        call = "parametrize.remove_parametrizations"
    elif "orig" in names:
        call = "remove_spectral_norm" if "u" in names else "prune.remove"
    else:
        call = "remove_weight_norm"
    return f"call torch.nn.utils.{call}(module, {last!r}) with the module {module!r}, and take the state dict again"


def _from_norm(name: str, norm: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return g * v / |v|, where |v| is taken over the dimensions in which g has one number."""
    shape = norm.shape or (1,) * direction.ndim
    if len(shape) != direction.ndim or any(n not in (1, m) for n, m in zip(shape, direction.shape, strict=True)):
        raise InputError(f"{name}: expected norms of an array {list(direction.shape)}, received {list(norm.shape)}")
    axes = tuple(axis for axis, size in enumerate(shape) if size == 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return norm.reshape(shape) * (direction / np.sqrt(np.sum(direction**2, axis=axes, keepdims=True)))


def _is_copy(name: str, tensors: Mapping[str, Any]) -> bool:
    """Tell whether a table is that of fastai's EmbeddingDropout, which holds the Embedding beside it once more."""
    beside = re.sub(r"_dp\.emb\.weight$", ".weight", name)
    return beside != name and beside in tensors and np.array_equal(_numbers(tensors[beside]), _numbers(tensors[name]))


def _numbers(value: Any) -> np.ndarray:
    return floats(value, "embedding")
