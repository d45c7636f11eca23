"""The file of a stream's state: safetensors, bound to the weights of one model. No TensorFlow.

A file has `h0`, `c0`, `h1`, ... `[B, H]`; `steps` `[B]`, which each lane has read; `last` `[B]`, its last symbol (-1:
none), or `[B, inputs]`, its last row; `outputs` `[B, K, V]`, those of its last K steps that are about steps to come,
numbers in the units of the data. Its metadata name the model, and the place in the random stream of a text.
"""

import os
from pathlib import Path

import numpy as np

from lstmzoo.data.scaling import Scaling
from lstmzoo.errors import EnvironmentFailure, InputError, shown
from lstmzoo.inference.state import StreamState, row_size, zero_state
from lstmzoo.models.facts import Facts
from lstmzoo.runs.checkpoint import Checkpoint, Damaged, load_checkpoint, save_checkpoint
from lstmzoo.system.files import remedy

KIND = "state of a stream 1"
MOST_STEPS = 1 << 62
MOST_H = 1.001  # of the size of h, which is below 1 but for rounding
NAMES = ("steps", "last", "outputs")


def save_state(path: Path, state: StreamState, facts: Facts) -> None:
    """Write a state to a file, in place of an older state.

    Raises `InputError` for a path where another file is, and `EnvironmentFailure` if the system cannot write.
    """
    check_place(path)
    tensors = dict(zip(facts.signature.state_names, state.arrays, strict=True))
    tensors |= {name: getattr(state, name) for name in NAMES}
    metadata = {"kind": KIND, "weights_sha256": facts.weights, "ahead": str(facts.ahead)}
    if state.seed:
        metadata |= {"seed": " ".join(map(str, state.seed)), "draws": str(state.draws)}
    try:
        save_checkpoint(path, tensors, metadata)
    except OSError as error:
        raise EnvironmentFailure(
            f"{_quoted(path)}: expected to write the state, received: {error.strerror or error}: {remedy(error)}"
        ) from error


def check_place(path: Path) -> None:
    """Raise `InputError` for a path where a state cannot be written: another file is there, or no folder."""
    try:
        there, folder = os.path.lexists(path), os.path.dirname(os.path.realpath(path))  # noqa: PTH120
    except ValueError:  # a NUL
        raise _place(path, "one that cannot be used") from None
    if there and not _is_state(path):
        raise _place(path, "one of another file")
    if not there and not os.path.isdir(folder):  # noqa: PTH112
        raise _place(path, "one in a folder that does not exist")


def _is_state(path: Path) -> bool:
    try:
        return load_checkpoint(path, NAMES).metadata.get("kind") == KIND
    except (OSError, InputError):
        return False


def _place(path: Path, received: str) -> InputError:
    return InputError(
        f"{_quoted(path)}: expected a new path for the state, or that of an older state, received {received}: choose "
        "another path"
    )


def load_state(path: Path, facts: Facts, lanes: int, scaling: Scaling | None) -> StreamState:
    """Read a state for a model; `scaling`: that of its numbers, if it has one.

    Raises `InputError` for a file that cannot be read or is damaged, and for the state of another model or of another
    number of lanes.
    """
    try:
        found = load_checkpoint(path)
    except Damaged as error:
        raise InputError(
            f"{_quoted(path)}: expected the state of a stream, received a file that is none, or damaged: save it again"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{_quoted(path)}: expected the state of a stream, received no such file ({reason})"
        ) from error
    _check_model(path, found, facts)
    if problem := _problem(found, facts, scaling):
        raise InputError(f"{_quoted(path)}: expected the state of a stream, received one with {problem}: save it again")
    state = _state(found, facts)
    if state.lanes != lanes:
        raise InputError(
            f"{_quoted(path)}: expected the state of {_lanes(lanes)}, received one of {_lanes(state.lanes)}"
        )
    return state


def _check_model(path: Path, found: Checkpoint, facts: Facts) -> None:
    kind, weights = (found.metadata.get(name) for name in ("kind", "weights_sha256"))
    if kind != KIND:
        received = "a checkpoint of a run" if kind is None else shown(kind)
        raise InputError(f"{_quoted(path)}: expected the {KIND[:-2]}, received {received}: name a file of --save-state")
    if weights != facts.weights:
        raise InputError(
            f"{_quoted(path)}: expected the state of this model (weights {facts.weights[:12]}...), received that of "
            f"another one (weights {shown((weights or 'none')[:12])}...): it serves the weights that made it"
        )


def _problem(found: Checkpoint, facts: Facts, scaling: Scaling | None) -> str | None:
    """Say what no stream of a model writes; None: nothing."""
    steps, expected = found.tensors.get("steps"), zero_state(facts, 1, row_size(facts, scaling))
    shapes = dict(zip(facts.signature.state_names, expected.arrays, strict=True))
    shapes |= {name: getattr(expected, name) for name in NAMES}
    if steps is None or set(found.tensors) != set(shapes):
        return "other parts"
    lanes = steps.shape[0] if steps.ndim == 1 else 0
    for name, part in shapes.items():
        value = found.tensors[name]
        if not lanes or value.shape != (lanes, *part.shape[1:]) or value.dtype != part.dtype:
            return f"{name} of another shape or type ({value.dtype} {list(value.shape)})"
        if not np.isfinite(value).all():
            return f"{name} that is not finite"
    for name in facts.signature.state_names:
        if name[0] == "h" and np.abs(found.tensors[name]).max() > MOST_H:
            return f"{name} beyond 1"
    return _impossible(found, facts)


def _impossible(found: Checkpoint, facts: Facts) -> str | None:
    """Say which counts and symbols cannot be; None: all can."""
    steps, last, seed = found.tensors["steps"], found.tensors["last"], found.metadata.get("seed", "")
    symbols = facts.signature.output_dim if last.ndim == 1 else 0
    if not 0 <= steps.min() <= steps.max() <= MOST_STEPS:
        return f"steps that are not 0 to {MOST_STEPS:,}"
    if symbols and ((last < -1).any() or (last >= symbols).any() or ((last == -1) != (steps == 0)).any()):
        return "a last symbol that the model does not know"
    read = np.minimum(steps, facts.kept)
    if any(np.any(found.tensors["outputs"][lane, : facts.kept - count]) for lane, count in enumerate(read.tolist())):
        return "outputs before its first step"
    fresh = steps == 0
    if any(np.any(found.tensors[name][fresh]) for name in (*facts.signature.state_names, "outputs")):
        return "a state before its first step"
    if found.metadata.get("ahead") != str(facts.ahead):
        return "outputs of another horizon"
    counts = [*seed.split(" "), found.metadata.get("draws", "")] if seed else []
    if not all(each.isascii() and each.isdigit() and len(each) < 40 for each in counts):
        return "no place in a random stream"
    return None


def _state(found: Checkpoint, facts: Facts) -> StreamState:
    tensors, seed = found.tensors, found.metadata.get("seed", "")
    return StreamState(
        [tensors[name] for name in facts.signature.state_names],
        tensors["steps"],
        tensors["last"],
        tensors["outputs"],
        tuple(map(int, seed.split())),
        int(found.metadata.get("draws", 0)) if seed else 0,
    )


def _lanes(count: int) -> str:
    return f"{count:,} lane{'s' * (count != 1)}"


def _quoted(path: Path) -> str:
    return shown(str(path), 200)
