"""Scaling of columns of numbers, as a run keeps it in scaling.json."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmzoo.errors import InputError, shown
from lstmzoo.system.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

KEYS = ("columns", "means", "deviations", "inputs", "targets", "held")
MOST = 1 << 28  # bytes


@dataclass(frozen=True)
class Scaling:
    """Columns with a mean and a deviation each, which are inputs, targets or both; scaled: (value - mean) / deviation.

    `held`: the inputs that may lack values, each with what stands before its first value in a recording. The D inputs
    of a model are all `inputs`, then for each held one 1 where its value is missing and 0 elsewhere.
    """

    columns: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    held: dict[str, float]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the D inputs of a model."""
        return (*self.inputs, *(f"{name} missing" for name in self.held))

    @property
    def input_dim(self) -> int:
        """D, the number of inputs of a model."""
        return len(self.features)

    @property
    def outputs(self) -> int:
        """M, the number of targets."""
        return len(self.targets)

    def of(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return means and deviations of some columns, `[n]` each, in float64."""
        places = [self._places[name] for name in names]
        means, deviations = np.array([self.means, self.deviations], np.float64)[:, places]
        return means, deviations

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.columns)}

    def first(self) -> np.ndarray:
        """Return what stands before the first values of the inputs in a recording; NaN for those that are not held."""
        return np.array([self.held.get(name, np.nan) for name in self.inputs])

    def scale_inputs(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the D inputs of a model, `[n, D]` in float32, from rows of the inputs `[n, inputs]`.

        `known`: the same rows with no value missing, as `carry_forward` gives them.
        """
        means, deviations = self.of(self.inputs)
        return self.flag_inputs(values, (known - means) / deviations)

    def flag_inputs(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return the same without scaling, as a model takes them that scales them itself."""
        inputs = known.astype(np.float32)
        if not self.held:
            return inputs
        places = {name: place for place, name in enumerate(self.inputs)}
        return np.concatenate([inputs, np.isnan(values[:, [places[name] for name in self.held]])], axis=1)

    def scale_targets(self, values: np.ndarray) -> np.ndarray:
        """Return targets `[..., M]` scaled, in float32."""
        means, deviations = self.of(self.targets)
        return ((values - means) / deviations).astype(np.float32)

    def unscale_targets(self, outputs: np.ndarray) -> np.ndarray:
        """Return a model's outputs `[..., M]` in the units of the data, in float64."""
        means, deviations = self.of(self.targets)
        return outputs * deviations + means

    def digest(self) -> str:
        """Return the SHA-256 of the content of scaling.json."""
        return hashlib.sha256(self.dump().encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write scaling.json."""
        write_atomically(path, self.dump().encode())

    def dump(self) -> str:
        """Return the content of scaling.json, from which `load_scaling` reads the same numbers, bit for bit."""
        return (
            json.dumps({name: getattr(self, name) for name in KEYS}, indent=1, ensure_ascii=False, allow_nan=False)
            + "\n"
        )


def load_scaling(path: Path) -> Scaling:
    """Read scaling.json; raise `InputError` for what no run writes."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST)
    except OSError as error:
        raise InputError(f"{path}: expected the scaling of a series run, received none ({error.strerror})") from error
    return parse_scaling(content, path)


def parse_scaling(text: bytes, path: Path) -> Scaling:
    """Return the scaling of the bytes of scaling.json; `path`: where they stand, for the message of an error."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: expected the scaling of a series run, received no JSON: copy the run again"
        ) from error
    if problem := _problem(content):
        raise InputError(f"{path}: expected {problem}: copy the run again")
    columns, means, deviations, inputs, targets = (tuple(content[key]) for key in KEYS[:-1])
    return Scaling(columns, means, deviations, inputs, targets, content["held"])


def _problem(content: Any) -> str | None:
    """Return what was expected in place of what, or None."""
    if not isinstance(content, dict) or set(content) != set(KEYS):
        received = shown(", ".join(content) if isinstance(content, dict) else content)
        return f"the keys {', '.join(KEYS)}, received {received}"
    columns = content["columns"]
    for key in ("columns", "inputs", "targets"):
        if not _are_names(content[key]) or not set(content[key]) <= set(columns):
            return f"{key}: names of columns, each once, received {shown(content[key])}"
    for key in ("means", "deviations"):
        if not isinstance(content[key], list) or len(content[key]) != len(columns):
            return f"{key}: {len(columns)} numbers, one for each column, received {shown(content[key])}"
    held = content["held"]
    if not isinstance(held, dict) or not set(held) <= set(content["inputs"]):
        return f"held: inputs, each with a number, received {shown(held)}"
    numbers = [*content["means"], *content["deviations"], *held.values()]
    if wrong := [each for each in numbers if not _is_number(each)]:
        return f"finite numbers, received {shown(wrong[0])}"
    if wrong := [each for each in content["deviations"] if each <= 0]:
        return f"deviations: numbers above 0, received {shown(wrong[0])}"
    return None


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(name, str) for name in value)
        and len(set(value)) == len(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
