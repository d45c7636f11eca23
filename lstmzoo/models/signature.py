"""Inputs and outputs of exported models: `(ids, states) -> (logits, states)`, with the same names in every format.

    ids [B, T] int32, h0 [B, H], c0 [B, H], h1, ...  ->  logits [B, T, V], h0, c0, h1, ...

A model of numbers takes `features [B, T, D]` float32 and gives `outputs [B, T, M]` in their place. A stream starts with
states of zeros; the states of each output are inputs for the next symbols. No TensorFlow.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from lstmzoo.errors import InputError
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.spec import NUMBERS

StateArrays = list[np.ndarray]  # h, c, h, c, ... from the input up, each [B, H]


class Signature(NamedTuple):
    """Names and sizes of a model's inputs and outputs."""

    encoding: str
    input_dim: int | None
    """D, with encoding "features" only: then the inputs are floats `[B, T, D]`."""
    output_dim: int
    """V, or M where the outputs are numbers."""
    units: tuple[int, ...]
    numbers: bool = False
    """True if the outputs are numbers, not logits of symbols."""

    @property
    def input_name(self) -> str:
        """Name of the first input: "features" or "ids"."""
        return "features" if self.encoding == "features" else "ids"

    @property
    def output_name(self) -> str:
        """Name of the first output: "outputs" of a model of numbers, else "logits"."""
        return NUMBERS if self.numbers else "logits"

    @property
    def state_names(self) -> list[str]:
        """Names of the states, from the input up: h0, c0, h1, c1, ..."""
        return [f"{part}{layer}" for layer in range(len(self.units)) for part in "hc"]

    @property
    def state_sizes(self) -> list[int]:
        """H of each state, in the order of `state_names`."""
        return [units for units in self.units for _ in range(2)]

    def zero_states(self, batch_size: int) -> StateArrays:
        """Return the states that a stream of B lanes starts with: zeros `[B, H]`, in the order of `state_names`."""
        return [np.zeros((batch_size, units), np.float32) for units in self.state_sizes]


class Runner(Protocol):
    """A model loaded in a runtime such as TensorFlow Lite or NumPy."""

    signature: Signature

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Compute logits `[B, T, V]` and the states after the window, of ids `[B, T]` (or features `[B, T, D]`).

        A model of numbers computes outputs `[B, T, M]` of features.
        """


def signature_of(blueprint: Blueprint) -> Signature:
    """Return the signature of the model that a blueprint describes; raise `InputError` for one without a head."""
    size = blueprint.outputs or blueprint.vocab_size
    if size is None:
        raise InputError("model: expected one with a head, whose outputs are logits or numbers, received one without")
    return Signature(
        blueprint.encoding, blueprint.input_dim, size, blueprint.spec.layers, blueprint.outputs is not None
    )
