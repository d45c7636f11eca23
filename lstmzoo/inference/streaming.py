"""A trained model that reads on: its state is carried from call to call, saved and restored, in every runtime."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from lstmzoo.errors import InputError, check_count, path_of, shown
from lstmzoo.export.formats.registry import ENDINGS, FORMATS
from lstmzoo.export.opened import Opened, open_exported
from lstmzoo.inference.carried import Carried
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import probabilities
from lstmzoo.inference.meaning import Given, Meaning, array_of, meaning_of
from lstmzoo.inference.runtimes import check_runtime, facts_of_run, open_runner
from lstmzoo.inference.state import zero_state
from lstmzoo.inference.state_files import load_state, save_state
from lstmzoo.models.facts import Facts
from lstmzoo.models.signature import Runner
from lstmzoo.runs.trained import Trained, open_with_warnings
from lstmzoo.zoo.pretrained import PREFIX

MOST_LANES = 1 << 16
PLAIN = Choice()


def stream(
    run_or_file: str | os.PathLike[str],
    lanes: int = 1,
    runtime: str = "auto",
    state: str | os.PathLike[str] | None = None,
) -> "Stream":
    """Open a trained model that keeps its state: a run directory, a trained model such as "zoo:char_python", or a file.

    The file is one that `export_model` wrote, of any format; a header of C is compiled and a SavedModel is a program,
    so open those only of people whom you trust. `lanes`: B, the streams that are read side by side. `runtime` of a run:
    "auto" (NumPy), "numpy", "tensorflow", "tflite", "onnx" or "c"; a file has its own. `state`: a file of
    `Stream.save`, of any runtime, from which it goes on; None: it starts with a state of zeros.

    Raises `InputError` for a path that is neither, for a runtime that is not installed or not that of the file, and for
    a state that is damaged, of another model, or of another number of lanes.
    """
    check_count("lanes", lanes, 1, MOST_LANES)
    source = _source(run_or_file, runtime)
    lanes = int(lanes)
    facts = source.facts if isinstance(source, Opened) else facts_of_run(source)
    meaning = meaning_of(facts, lanes, source.symbols, source.scaling, in_graph=isinstance(source, Opened))
    start = zero_state(facts, lanes, meaning.row)
    if state is not None:  # before the model is opened, which may take seconds
        start = load_state(path_of("state", state), facts, lanes, source.scaling)
    return Stream(facts, meaning, Carried(_runner(source, runtime, lanes), start, meaning.units))


def _runner(source: Trained | Opened, runtime: str, lanes: int) -> Runner:
    if isinstance(source, Opened):
        return source.runner()
    return open_runner(source, "numpy" if runtime == "auto" else runtime, lanes)


def _source(run_or_file: str | os.PathLike[str], runtime: str) -> Trained | Opened:
    """Open a run or a file; raise `InputError` for what is neither, and for a runtime that a file does not have."""
    check_runtime(runtime)
    if not isinstance(run_or_file, (str, os.PathLike)):
        received = shown(run_or_file)
        raise InputError(
            f"expected a run directory, zoo:NAME or an exported file, received {received}: export_model exports a model"
        )
    path = os.fspath(run_or_file)
    if not _is_exported(path):
        return open_with_warnings(path)
    opened = open_exported(Path(path))
    its_own = opened.format if FORMATS[opened.format].is_runtime else "tensorflow"
    if runtime not in ("auto", its_own):
        raise InputError(f"runtime: expected auto or {its_own} for {shown(path, 200)}, received {runtime}")
    return opened


def _is_exported(path: str) -> bool:
    if os.path.isdir(path):  # noqa: PTH112  (Path's own raises for a name too long)
        return os.path.isfile(os.path.join(path, "saved_model.pb"))  # noqa: PTH113, PTH118
    return not path.startswith(PREFIX) and Path(path).suffix.lower() in ENDINGS


class Stream:
    """A model and the state of its B lanes, which every call carries on.

    A model of symbols takes ids, or text where it has a vocabulary, and gives probabilities of the next symbol `[V]`,
    in the order of `symbols`; `logits=True` gives logits. A model of numbers takes rows of its inputs and gives its M
    targets, in the units of the data; NaN is a missing value, where there were some in training. With more than one
    lane everything has an axis of lanes in front; with one lane it may be there or not, in what goes in and so in what
    comes out. `InputError` leaves the state as it was.
    """

    def __init__(self, facts: Facts, meaning: Meaning, carried: Carried):
        self.facts, self._meaning, self._carried = facts, meaning, carried

    @property
    def lanes(self) -> int:
        """B, the number of streams that are read side by side."""
        return self._carried.state.lanes

    @property
    def steps(self) -> np.ndarray:
        """The number of steps that each lane has read, `[B]`."""
        return self._carried.state.steps.copy()

    @property
    def symbols(self) -> list[str] | list[int] | None:
        """The symbols by their ids, V of them: characters, or bytes as numbers; None for a model of no text."""
        vocabulary = self._meaning.vocabulary
        return None if vocabulary is None else vocabulary.as_json()["symbols"]

    def step(self, x: Any, logits: bool = False) -> np.ndarray:
        """Read one step, and return what comes out: `[V]`, of x with an axis of lanes `[B, V]`.

        `x`: a symbol, its id, or a row `[n]` of numbers; for B lanes a list of symbols, ids `[B]`, or rows `[B, n]`.
        """
        given = self._meaning.step(x, self._before())
        return self._read(given, logits)[..., 0, :]

    def run(self, xs: Any, logits: bool = False) -> np.ndarray:
        """Read T steps, and return what comes out at each: `[T, V]`, of xs with an axis of lanes `[B, T, V]`.

        `xs`: a text, ids `[T]`, or rows `[T, n]`; for B lanes a list of texts of one length, ids `[B, T]`, or rows
        `[B, T, n]`. The numbers are those of T calls of `step`, however a text is cut; but a vocabulary that reads
        texts in NFC reads a letter and its combining mark as one symbol, so do not cut between these.
        """
        return self._read(self._meaning.run(xs, self._before()), logits)

    def reset(self, lanes: int | list[int] | None = None) -> None:
        """Set lanes (numbers from 0 on; None: all) to the state that a stream starts with: zeros, and no step read."""
        expected = f"lanes: expected numbers from 0 to {self.lanes - 1}"
        chosen = np.arange(self.lanes) if lanes is None else np.atleast_1d(array_of(lanes, expected, "iu"))
        if chosen.ndim > 1 or not np.isin(chosen, np.arange(self.lanes)).all():
            raise InputError(f"{expected}, received {shown(lanes)}")
        self._carried.state = self._carried.state.reset(chosen.astype(np.intp))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, in place of an older state; `stream(..., state=path)` goes on from it.

        It is a safetensors file, bound to the weights of this model, in whatever runtime. Raises `InputError` for a
        path where another file is, and `EnvironmentFailure` if the system cannot write.
        """
        save_state(path_of("path", path), self._carried.state, self.facts)

    def copy(self) -> "Stream":
        """Return a stream that goes on from the same state, apart from this one."""
        carried = Carried(self._carried.runner, self._carried.state, self._carried.units)
        return Stream(self.facts, self._meaning, carried)

    def _before(self) -> np.ndarray:
        """Return the last step of each lane, or what stands for it before the first."""
        state = self._carried.state
        begun = state.steps > 0
        return np.where(begun if state.last.ndim == 1 else begun[:, None], state.last, self._meaning.first)

    def _read(self, given: Given, logits: bool) -> np.ndarray:
        """Return `[B, T, V]`, or `[T, V]` where no lanes were given."""
        if logits and self.facts.signature.numbers:
            raise InputError("logits: expected False for a model of numbers, received True")
        found = self._carried.read(given.x, given.last)
        if not (logits or self.facts.signature.numbers):
            found = probabilities(found, PLAIN)
        return found if given.with_lanes else found[0]
