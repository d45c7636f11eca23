"""One-file checkpoints: safetensors, readable without TensorFlow, with a digest over the whole file.

The digest is a SHA-256 of the file in which its own 64 digits are zeros; it stands in the metadata as `sha256`, so a
flipped bit anywhere (header, padding, data) or a missing end is found on loading. A right digest does not say who wrote
the file: `contents` says what must stand behind it.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from safetensors.numpy import save

from lstmzoo.config.experiment import CheckpointSpec
from lstmzoo.errors import InputError
from lstmzoo.system.files import write_atomically
from lstmzoo.system.reader import open_file

NAME = "step-{:08d}.safetensors"
PIECE = 1 << 20  # bytes that are read at once
LONGEST = 1 << 24  # bytes of a header: a thousand layers have less than one million
DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64", "I64": "int64"}  # all that are written
_ZEROS = "0" * 64
_DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')


class Checkpoint(NamedTuple):
    """Everything that a step depends on, by name; wall-clock values and notes in the metadata."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


class Damaged(InputError):
    """An error for a checkpoint that cannot serve: a wrong digest, or contents that no run writes."""


Check = Callable[[int, Checkpoint], None]


def save_checkpoint(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write a checkpoint beside its place and rename it there."""
    in_order = {name: np.asarray(value, order="C") for name, value in tensors.items()}  # strided ones are saved wrongly
    content = save(in_order, {**metadata, "format": "lstmzoo 1", "sha256": _ZEROS})
    digest = hashlib.sha256(content).hexdigest()
    write_atomically(path, _DIGEST.sub(f'"sha256":"{digest}"'.encode(), content, count=1))


class _Place(NamedTuple):
    """Place of one tensor behind the header of a file, in bytes."""

    start: int
    size: int
    name: str
    dtype: str
    shape: tuple[int, ...]


def load_checkpoint(path: Path, parts: tuple[str, ...] = ("",)) -> Checkpoint:
    """Read a checkpoint, or those of its tensors whose names begin with one of `parts`.

    Raises `InputError` for a damaged one: all of it is looked at in any case.
    """
    with open_file(path) as file:
        try:
            return _load(file, parts)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:  # a header
            expected = "expected a whole checkpoint, received a damaged file"
            raise Damaged(f"{path.name}: {expected}: use the one before it") from error


def _load(file: BinaryIO, parts: tuple[str, ...]) -> Checkpoint:
    header = file.read(8)
    header += file.read(min(int.from_bytes(header, "little"), LONGEST))
    found = _DIGEST.search(header, 8)
    if found is None:
        raise ValueError("no digest")
    start, end = found.span(1)
    digest = hashlib.sha256(header[:start] + _ZEROS.encode() + header[end:])
    entries = json.loads(header[8:])
    metadata = {str(key): str(value) for key, value in entries.pop("__metadata__").items()}
    tensors = {}
    for place in _places(entries, os.fstat(file.fileno()).st_size - len(header)):
        if place.name.startswith(parts):
            tensors[place.name] = value = np.empty(place.shape, place.dtype)
            content = value.reshape(-1).view(np.uint8).data
            file.readinto(content)  # type: ignore[attr-defined]
            digest.update(content)
        else:
            _digest_rest(digest, file, place.size)
    if file.read(1) or digest.hexdigest() != found[1].decode():
        raise ValueError("another digest")
    return Checkpoint(tensors, metadata)


def _places(entries: Mapping[str, Any], size: int) -> list[_Place]:
    """Return the places of all tensors in order; `ValueError` unless they fill so many bytes without gap or overlap."""
    places = []
    for name, entry in entries.items():
        (start, end), shape = entry["data_offsets"], tuple(entry["shape"])
        places.append(_Place(start, end - start, name, DTYPES[entry["dtype"]], shape))
    places.sort()
    next_start = 0
    for place in places:
        bytes_needed = math.prod(place.shape) * np.dtype(place.dtype).itemsize
        if place.start != next_start or place.size != bytes_needed or min(place.shape, default=0) < 0:
            raise ValueError(f"the place of {place.name}")
        next_start += place.size
    if next_start != size:
        raise ValueError("the size of the file")
    return places


def _digest_rest(digest: Any, file: BinaryIO, size: int) -> None:
    """Add the next bytes of a file to a digest, a piece at a time."""
    while size > 0 and (piece := file.read(min(PIECE, size))):
        digest.update(piece)
        size -= len(piece)


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
    directory: Path, damaged: list[str], parts: tuple[str, ...] = ("",), check: Check = lambda step, checkpoint: None
) -> Iterator[tuple[int, Checkpoint]]:
    """Yield (step, checkpoint) of those that are whole, the newest first; a line for each other one goes to `damaged`.

    `parts`: as of `load_checkpoint`. `check` raises `Damaged` for one that holds what no run writes, and another
    `InputError` for one that fits neither request nor data: the first of these is raised if no checkpoint serves.
    """
    refused: list[InputError] = []
    serves = False
    for step in reversed(checkpoint_steps(directory)):
        try:
            checkpoint = load_checkpoint(directory / NAME.format(step), parts)
        except OSError as error:
            damaged.append(f"the checkpoint of step {step} cannot be read ({error.strerror})")
            continue
        except Damaged:
            damaged.append(f"the checkpoint of step {step} is damaged")
            continue
        try:
            check(step, checkpoint)
        except InputError as error:
            damaged.append(f"the checkpoint of step {step} is damaged ({str(error).splitlines()[0]})")
            refused += [] if isinstance(error, Damaged) else [error]
            continue
        serves = True
        yield step, checkpoint
    if refused and not serves:
        raise refused[0]


def prune_checkpoints(directory: Path, spec: CheckpointSpec, last: int, best: int | None) -> None:
    """Remove the checkpoints up to step `last`, except the last `spec.keep` and the best."""
    steps = [step for step in checkpoint_steps(directory) if step <= last]
    for step in set(steps[: -spec.keep]) - {best}:
        (directory / NAME.format(step)).unlink(missing_ok=True)
