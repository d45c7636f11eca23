"""Activations of a trained model: h, c and the gates of each cell at each step of a text. NumPy only."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstmzoo.errors import InputError, did_you_mean
from lstmzoo.inference.meaning import meaning_of
from lstmzoo.inference.runtimes import facts_of_run
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.numpy_runner import NumpyRunner
from lstmzoo.runs.trained import open_with_warnings
from lstmzoo.tasks.losses import cross_entropy

QUANTITIES = ("h", "c", "i", "f", "g", "o")
SURPRISE = "surprise"
PIECE = 1024  # steps whose gates are computed together


def activations(run: str | os.PathLike[str], text: Any) -> "Activations":
    """Return what each cell of a run's model does while it reads a text, from zero state, as a mapping of arrays.

    `run`: a run directory, or a trained model such as "zoo:char_python". `text`: what a stream of one lane reads, a
    text (or ids `[N]`) of a char run, ids `[N]` of an echo run, rows `[N, inputs]` of a series run in the units of its
    data. Raises `InputError` for a path that is no run, and for a text that its model cannot read.
    """
    trained = open_with_warnings(run)
    meaning = meaning_of(facts_of_run(trained), 1, trained.symbols, trained.scaling, False)
    return Activations(trained.blueprint(), meaning.run(text, meaning.first[None]).x[0])


class Activations(Mapping[str, np.ndarray]):
    """Arrays `[N, H]` in float32 by name: "h0", "c0", "i0", "f0", "g0", "o0" of the layer above the input, "h1", ...

    Value t is that after step t was read; i, f and o are the input, forget and output gates, from 0 to 1, and g is the
    candidate, from -1 to 1. A model of symbols has "surprise" `[N]` too: the nats of symbol t, given those before it;
    NaN for the first one. Only h is kept, 4 N H bytes a layer, not to be written to; each other array is computed when
    it is asked for.
    """

    def __init__(self, blueprint: Blueprint, x: np.ndarray):
        """Read ids `[N]` or features `[N, D]` from zero state; raise `InputError` where h is not finite."""
        self.runner, self.x = NumpyRunner(blueprint), x
        signature = self.runner.signature
        self.hidden = [np.empty((len(x), units), np.float32) for units in signature.units]
        states = signature.zero_states(1)
        for first in range(0, len(x), PIECE):
            part = slice(first, first + PIECE)
            below = x[part]
            for layer, kept in enumerate(self.hidden):
                sums, places = self.runner.sums(layer, below)[:, None], slice(2 * layer, 2 * layer + 2)
                hidden, *states[places] = self.runner.unroll(layer, sums, *states[places])
                below = kept[part] = hidden[:, 0]
        if not all(np.isfinite(state).all() for state in states):
            raise InputError("expected finite activations, received NaN or infinity: inputs or weights are too large")
        for kept in self.hidden:
            kept.setflags(write=False)  # the others are computed from it
        self.names = [f"{each}{layer}" for layer in range(len(signature.units)) for each in QUANTITIES]
        self.names += [] if signature.numbers else [SURPRISE]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.names:
            raise KeyError(f"expected a name of an array, received {name!r}{did_you_mean(name, self.names)}")
        if name == SURPRISE:
            return self._surprise()
        quantity, layer = name[0], int(name[1:])
        if quantity == "h":
            return self.hidden[layer]
        found = np.empty_like(self.hidden[layer])
        for first, piece in self.pieces(layer):
            found[first : first + PIECE] = piece[quantity]
        return found

    def pieces(self, layer: int) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Yield (first step, arrays `[n, H]` by quantity) of a layer, piece by piece."""
        below, hidden = self.hidden[layer - 1] if layer else self.x, self.hidden[layer]
        recurrent_kernel = self.runner.weights.layers[layer].recurrent_kernel
        size = hidden.shape[1]
        h, c = np.zeros((1, size), np.float32), np.zeros(size, np.float32)
        for first in range(0, len(self.x), PIECE):
            hs = hidden[first : first + PIECE]
            sums = self.runner.sums(layer, below[first : first + PIECE])
            sums += np.concatenate([h, hs[:-1]]) @ recurrent_kernel
            opened, g = self.runner.gates[layer](sums)
            i, f, o = (opened[:, place * size : (place + 1) * size] for place in (0, 1, 3))
            cs = _cells(f, i * g, c)
            h, c = hs[-1:], cs[-1]
            yield first, {"h": hs, "c": cs, "i": i, "f": f, "g": g, "o": o}

    @np.errstate(over="ignore", invalid="ignore")  # who shows them refuses what is not finite
    def outputs(self, first: int, count: int) -> np.ndarray:
        """Return logits `[n, V]`, or numbers `[n, M]`, of `count` steps from step `first` on."""
        part = slice(first, first + count)
        return self.runner.outputs(self.x[part], [hidden[part] for hidden in self.hidden])

    def _surprise(self) -> np.ndarray:
        found = np.full(len(self.x), np.nan, np.float32)
        for first in range(0, len(self.x) - 1, PIECE):
            targets = self.x[first + 1 : first + 1 + PIECE]
            logits = self.outputs(first, len(targets))
            found[first + 1 : first + 1 + PIECE] = cross_entropy(logits, targets)
        return found


def _cells(forgotten: np.ndarray, added: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return c of each step `[n, H]`: c' = f c + i g, from `c` `[H]` on."""
    found = np.empty_like(added)
    for step, (kept, more) in enumerate(zip(forgotten, added, strict=True)):
        c = found[step] = kept * c + more
    return found
