"""One-file checkpoints: safetensors, readable without TensorFlow, with a digest over the whole file.

The digest is a SHA-256 of the file in which its own 64 digits are zeros; it stands in the metadata as `sha256`, so a
flipped bit anywhere (header, padding, data) or a missing end is found on loading.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from lstmzoo.config.experiment import CheckpointSpec
from lstmzoo.errors import InputError
from lstmzoo.system.files import write_atomically

NAME = "step-{:08d}.safetensors"
PIECE = 1 << 20  # bytes that are read at once
_ZEROS = "0" * 64
_DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')


class Checkpoint(NamedTuple):
    """Everything that a step depends on, by name; wall-clock values and notes in the metadata."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def save_checkpoint(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write a checkpoint beside its place and rename it there."""
    in_order = {name: np.asarray(value, order="C") for name, value in tensors.items()}  # strided ones are saved wrongly
    content = save(in_order, {**metadata, "format": "lstmzoo 1", "sha256": _ZEROS})
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(path, _DIGEST.sub(f'"sha256":"{digest}"'.encode(), content, count=1))


def load_checkpoint(path: Path, parts: tuple[str, ...] = ("",)) -> Checkpoint:
    """Read a checkpoint, or those of its tensors whose names begin with one of `parts`.

    Raises `InputError` for a damaged one: all of it is looked at in any case.
    """
    with path.open("rb") as file:
        header = file.read(8)
        length = min(int.from_bytes(header, "little"), path.stat().st_size)
        header += file.read(length)
        found = _DIGEST.search(header, 8)
        if found is None or _digest(header, found, file) != found[1].decode():
            expected = "expected a whole checkpoint, received a damaged file"
            raise InputError(f"{path.name}: {expected}: use the one before it")
    with safe_open(path, "numpy") as kept:
        names, metadata = [name for name in kept.keys() if name.startswith(parts)], kept.metadata()  # noqa: SIM118
    return Checkpoint({name: _tensor(path, name) for name in names}, metadata)


def _tensor(path: Path, name: str) -> np.ndarray:
    """Read one tensor; the file is mapped for that time only, or all tensors would be in memory twice."""
    with safe_open(path, "numpy") as kept:
        return kept.get_tensor(name)


def checkpoint_steps(directory: Path) -> list[int]:
    """List the steps of the checkpoints in a directory, ascending."""
    return sorted(step for step, path in _named(directory) if path.is_file())


def _named(directory: Path) -> list[tuple[int, Path]]:
    """List all files that have the name of a checkpoint, with their steps."""
    names = ((re.fullmatch(r"step-(\d{8,18})\.safetensors", path.name), path) for path in directory.glob("step-*"))
    return [(int(name[1]), path) for name, path in names if name]


def set_aside(directory: Path, after: int) -> None:
    """Rename files named as checkpoints of a later step: they could not be read, and would count as checkpoints."""
    for step, path in _named(directory):
        if step > after:
            path.rename(path.with_name(f"{path.name}.damaged"))


def whole_checkpoints(
    directory: Path, damaged: list[str], parts: tuple[str, ...] = ("",)
) -> Iterator[tuple[int, Checkpoint]]:
    """Yield (step, checkpoint) of those that are whole, the newest first; a line for each other one goes to `damaged`.

    `parts`: as of `load_checkpoint`.
    """
    for step in reversed(checkpoint_steps(directory)):
        try:
            checkpoint = load_checkpoint(directory / NAME.format(step), parts)
        except OSError as error:
            damaged.append(f"the checkpoint of step {step} cannot be read ({error.strerror})")
        except InputError:
            damaged.append(f"the checkpoint of step {step} is damaged")
        else:
            yield step, checkpoint


def prune_checkpoints(directory: Path, spec: CheckpointSpec, last: int, best: int | None) -> None:
    """Remove the checkpoints up to step `last`, except the last `spec.keep` and the best."""
    steps = [step for step in checkpoint_steps(directory) if step <= last]
    for step in set(steps[: -spec.keep]) - {best}:
        (directory / NAME.format(step)).unlink(missing_ok=True)


def _digest(header: bytes, found: re.Match[bytes], rest: BinaryIO) -> str:
    start, end = found.span(1)
    digest = hashlib.sha256(header[:start] + _ZEROS.encode() + header[end:])
    while piece := rest.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
