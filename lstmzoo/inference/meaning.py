"""Meaning of what goes into a stream: text, symbols or rows of numbers, turned to the arrays of a model.

Of B lanes, x is what they read side by side. Where there is one lane its axis may be left out, in what goes in and so
in what comes out. No TensorFlow.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.data.scaling import Scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError, shown
from lstmzoo.inference.numbers import check_numbers
from lstmzoo.models.facts import Facts
from lstmzoo.tasks.series.holding import carry_forward


class Given(NamedTuple):
    """Inputs of a model, and what their last step is for those who go on."""

    x: np.ndarray
    """Ids `[B, T]` or features `[B, T, D]`."""
    last: np.ndarray
    """`[B]` or `[B, n]`: the last step, as `StreamState.last` has it."""
    with_lanes: bool
    """True if it was given with an axis of lanes."""


class Symbols:
    """Ids of symbols, or text where they are spelled."""

    row = None
    """The size of a row: none."""
    units = None
    """The function that turns outputs to the units of the data: none."""
    first = np.array(-1)
    """The last symbol before the first one."""

    def __init__(self, lanes: int, size: int, vocabulary: Vocabulary | None):
        """Make one for a model of `size` symbols."""
        self.lanes, self.size, self.vocabulary = lanes, size, vocabulary

    def step(self, x: Any, before: np.ndarray) -> Given:
        """Return the inputs of one step: an id or a symbol; B of them with lanes."""
        expected = f"x: expected one symbol{_for_each(self.lanes)}"
        ids, with_lanes = self._read(x, expected, axes=0)
        ids = ids.reshape(-1, 1) if ids.ndim < 2 else ids
        if ids.shape != (self.lanes, 1):
            raise InputError(f"{expected}, received {_what(x)}: run() takes several")
        return Given(ids, ids[:, -1], with_lanes)

    def run(self, xs: Any, before: np.ndarray) -> Given:
        """Return the inputs of T steps: a text or ids `[T]`; B texts of one length, or `[B, T]`, with lanes."""
        expected = f"xs: expected a text, or ids [T]{_for_each(self.lanes)}"
        ids, with_lanes = self._read(xs, expected, axes=1)
        ids = ids[None] if ids.ndim == 1 else ids
        if ids.ndim != 2 or len(ids) != self.lanes:
            raise InputError(f"{expected}, received {_what(xs)}")
        return Given(ids, ids[:, -1] if ids.shape[1] else before, with_lanes)

    def _read(self, x: Any, expected: str, axes: int) -> tuple[np.ndarray, bool]:
        """Return the ids of text or of ids, and whether they have an axis of lanes; `axes`: those of one lane's ids."""
        if isinstance(x, (str, bytes)):
            return self._spelled([x], expected), False
        if _are_texts(x):
            return self._spelled(x, expected), True
        ids = self._ids(x, expected)
        return ids, ids.ndim > axes

    def _spelled(self, texts: Sequence[str | bytes], expected: str) -> np.ndarray:
        if self.vocabulary is None:
            raise InputError(f"{expected} from 0 to {self.size - 1} (this model has no vocabulary), received text")
        lanes = [self.vocabulary.encode_text(text, "text") for text in texts]
        if len({len(each) for each in lanes}) > 1:
            sizes = ", ".join(str(len(each)) for each in lanes[:5])
            raise InputError(f"{expected}, all of one length, received {sizes} symbols")
        return np.stack(lanes).astype(np.int32)

    def _ids(self, x: Any, expected: str) -> np.ndarray:
        ids = array_of(x, expected, "iu")
        if ids.size and not 0 <= ids.min() <= ids.max() < self.size:
            raise InputError(f"{expected} from 0 to {self.size - 1}, received {ids.min()} to {ids.max()}")
        return ids.astype(np.int32)


class Rows:
    """Rows of numbers, in the units of the data where the model has a scaling."""

    vocabulary = None

    def __init__(self, lanes: int, size: int, scaling: Scaling | None, in_graph: bool):
        """Make one for a model of `size` inputs; `in_graph`: the model itself scales them."""
        self.lanes, self.scaling, self.in_graph = lanes, scaling, in_graph
        self.row = size if scaling is None else len(scaling.inputs)
        self.first = np.zeros(size) if scaling is None else scaling.first()
        self.units = None if scaling is None or in_graph else scaling.unscale_targets

    def step(self, x: Any, before: np.ndarray) -> Given:
        """Return the inputs of one step: a row `[n]`, or a number where n is 1; `[B, n]` with lanes."""
        values = array_of(x, f"x: expected {self._row}{_for_each(self.lanes)}", "iuf")
        if values.ndim == (self.lanes > 1) and self.row == 1:
            values = values[..., None]
        with_lanes = values.ndim > 1
        values = values if with_lanes else values[None]
        if values.shape != (self.lanes, self.row):
            raise InputError(f"x: expected {self._row}{_for_each(self.lanes)}, received {_what(x)}")
        return self._given(values[:, None], before, with_lanes)

    def run(self, xs: Any, before: np.ndarray) -> Given:
        """Return the inputs of T steps: rows `[T, n]`, or `[T]` where n is 1; `[B, T, n]` with lanes."""
        expected = f"xs: expected numbers [T, {self.row}]{_for_each(self.lanes)}"
        values = array_of(xs, expected, "iuf")
        if values.ndim == 1 + (self.lanes > 1) and self.row == 1:
            values = values[..., None]
        with_lanes = values.ndim > 2
        values = values if with_lanes else values[None]
        if values.ndim != 3 or values.shape[::2] != (self.lanes, self.row):
            raise InputError(f"{expected}, received {_what(xs)}")
        return self._given(values, before, with_lanes)

    @property
    def _row(self) -> str:
        return "a number" if self.row == 1 else f"a row of {self.row} numbers"

    def _given(self, values: np.ndarray, before: np.ndarray, with_lanes: bool) -> Given:
        values, known = values.astype(np.float64), []
        for lane, rows in enumerate(values):
            check_numbers(rows, self.scaling, partial(self._where, lane))
            known.append(carry_forward(rows, before[lane]) if np.isnan(rows).any() else rows)
        x = np.stack([self._features(*both) for both in zip(values, known, strict=True)])
        last = np.stack([rows[-1] for rows in known]) if values.shape[1] else before
        return Given(x, last, with_lanes)

    def _where(self, lane: int, row: int, name: str) -> str:
        return f"lane {lane}, row {row} (from 0 on), input {shown(name)}"

    def _features(self, values: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return what goes into the model, `[T, D]`."""
        if self.scaling is None:
            return known.astype(np.float32)
        scale = self.scaling.flag_inputs if self.in_graph else self.scaling.scale_inputs
        with np.errstate(over="ignore"):  # what is not finite then comes out so, and is refused there
            return scale(values, known)


Meaning = Symbols | Rows
"""`row`: n, None for symbols; `first`: what stands for the last step before the first; `units`: turns outputs."""


def meaning_of(
    facts: Facts, lanes: int, symbols: Vocabulary | None, scaling: Scaling | None, in_graph: bool
) -> Meaning:
    """Return the meaning of what goes into a model and comes out; `in_graph`: it scales numbers itself."""
    signature = facts.signature
    if signature.encoding == "features":
        return Rows(lanes, signature.input_dim or 1, scaling, in_graph)
    return Symbols(lanes, signature.output_dim, symbols)


def _are_texts(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and bool(x) and all(isinstance(each, (str, bytes)) for each in x)


def array_of(x: Any, expected: str, kinds: str) -> np.ndarray:
    """Return an array of numbers of some of NumPy's kinds, such as "iu"; raise `InputError` for what is none."""
    try:
        found = np.asarray(None if isinstance(x, bytearray) else x)  # NumPy takes the bytes of a text for numbers
    except (TypeError, ValueError):  # lists of several lengths
        raise InputError(f"{expected}, received {shown(x)}") from None
    if found.dtype.kind not in kinds and found.size:
        raise InputError(f"{expected}, received {_what(x)}")
    return found


def _what(x: Any) -> str:
    """Describe what was received: arrays by their shape and type."""
    if not isinstance(x, (list, tuple, np.ndarray)):
        return shown(x)
    found = np.asarray(x)
    return f"{found.dtype} {list(found.shape)}" if found.dtype.kind in "biufc" else shown(x)


def _for_each(lanes: int) -> str:
    return "" if lanes == 1 else f" for each of {lanes:,} lanes"
