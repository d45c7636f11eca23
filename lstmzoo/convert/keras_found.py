"""The findings of a walk up a chain of Keras layers, and the checks of a layer that all kinds of layers share."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lstmzoo.convert.arrays import floats, require_shape
from lstmzoo.convert.keras_own import LayerEntry, cells_of, name_of
from lstmzoo.errors import InputError, shown
from lstmzoo.models.blueprint import HeadWeights, LayerWeights, Weights

_FLOATS = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")


class Found:
    """The LSTM layers, the head and the settings of a chain, as far as it has been read."""

    def __init__(self, major: int, arrays: Callable[[LayerEntry], list[Any]]):
        self.major, self.arrays = major, arrays
        self.encoding: str | None = None
        self.embedding: np.ndarray | None = None
        self.layers: list[LayerWeights] = []
        self.head: HeadWeights | None = None
        self.activations: set[str] = set()
        self.rates: list[list[float]] = [[]]  # of the dropouts in front of each LSTM layer, and after the last
        self.left_out: list[str] = []  # settings that act in training only, and have no counterpart
        self.idle: list[str] = []  # what computes nothing that a model of ours has
        self.holders: list[str] = []  # class of the cell or cells in each recurrent layer
        self.softmax = False
        self.skip: np.ndarray | None = None
        self.skip_outputs = False  # True if what comes next sees the sum of the outputs of all layers
        self.numbers = False  # True if the outputs are numbers by the name of their layer, or since there is a skip
        self.input_rank: int | None = None

    def weights(self) -> Weights:
        """Return all arrays; raise `InputError` where there is no LSTM layer."""
        if not self.layers:
            raise InputError("model: expected an LSTM layer, received none")
        return Weights(tuple(self.layers), self.head, self.embedding, self.skip)

    @property
    def stacked_cells(self) -> bool:
        """True if one RNN layer holds all cells."""
        return self.holders == ["StackedRNNCells"]

    def dropout(self) -> float:
        """Return the rate of dropout between layers if it is the same between all, else 0.

        Dropout of other kinds is added to `left_out`.
        """
        before, *between, after = self.rates if len(self.rates) > 1 else [*self.rates, []]
        same = between and all(len(rates) == 1 and rates == between[0] for rates in between)
        if before or after:
            self.left_out.append("dropout below the first or above the last LSTM layer")
        if any(between) and not same:
            self.left_out.append("dropout that differs from layer to layer")
        return between[0][0] if same else 0.0

    def _at_input(self) -> bool:
        return not self.layers and self.encoding in (None, "scalar")

    def _arrays(self, layer: LayerEntry, count: int, inner_type: Any = None) -> list[np.ndarray]:
        for dtype in (layer["config"].get("dtype"), inner_type):
            name = dtype["config"].get("name", dtype["class_name"]) if isinstance(dtype, Mapping) else dtype
            self._require(layer, name is None or name in _FLOATS, "a floating-point type", shown(name))
        arrays = self.arrays(layer)
        hint = "" if arrays else ": build the model first"
        self._require(layer, len(arrays) == count, f"{count} arrays", f"{len(arrays)}{hint}")
        return [floats(array, f"layer {name_of(layer)}") for array in arrays]

    def _shaped(self, layer: LayerEntry, array: np.ndarray, shape: list[Any], what: str) -> None:
        require_shape(array, shape, f"layer {name_of(layer)}, {what}")

    def _require(self, layer: LayerEntry, holds: Any, expected: str, received: str) -> None:
        if not holds:
            raise InputError(f"layer {name_of(layer)}: expected {expected}, received {received}")

    def _note_training_only(self, layer: LayerEntry) -> None:
        for part in (layer["config"], *(cells_of(layer) if layer["class_name"] == "RNN" else ())):
            given = [key for key in part if key.endswith(("_regularizer", "_constraint")) and part[key]]
            self.left_out += [f"{key} of {name_of(layer)}" for key in given]
