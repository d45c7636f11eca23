"""One-file checkpoints: safetensors, readable without TensorFlow, with a digest over the whole file.

The digest is a SHA-256 of the file in which its own 64 digits are zeros; it stands in the metadata as `sha256`, so a
flipped bit anywhere (header, padding, data) or a missing end is found on loading.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors.numpy import load, save

from lstmzoo.errors import InputError
from lstmzoo.files import write_atomically

NAME = "step-{:08d}.safetensors"
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


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; `InputError` for a damaged one."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    found = _DIGEST.search(content, 8, 8 + min(length, len(content)))
    if found is None or _digest(content, found) != found[1].decode():
        raise InputError(f"{path.name}: expected a whole checkpoint, received a damaged file: use the one before it")
    return Checkpoint(load(content), _metadata(content, length))


def checkpoint_steps(directory: Path) -> list[int]:
    """Steps of the checkpoints in a directory, ascending."""
    return sorted(step for step, path in _named(directory) if path.is_file())


def _named(directory: Path) -> list[tuple[int, Path]]:
    """Whatever bears the name of a checkpoint, and its step."""
    names = ((re.fullmatch(r"step-(\d{8,18})\.safetensors", path.name), path) for path in directory.glob("step-*"))
    return [(int(name[1]), path) for name, path in names if name]


def set_aside(directory: Path, after: int) -> None:
    """Rename what bears the name of a checkpoint of a later step: it could not be read, and would count as one."""
    for step, path in _named(directory):
        if step > after:
            path.rename(path.with_name(f"{path.name}.damaged"))


def whole_checkpoints(directory: Path, damaged: list[str]) -> Iterator[tuple[int, Checkpoint]]:
    """(step, checkpoint) of those that are whole, the newest first; the others are told of in `damaged`."""
    for step in reversed(checkpoint_steps(directory)):
        try:
            checkpoint = load_checkpoint(directory / NAME.format(step))
        except OSError as error:
            damaged.append(f"the checkpoint of step {step} cannot be read ({error.strerror})")
        except InputError:
            damaged.append(f"the checkpoint of step {step} is damaged")
        else:
            yield step, checkpoint


def prune_checkpoints(directory: Path, keep: int, last: int, best: int | None) -> None:
    """Remove those up to step `last` but for the last `keep` and the best."""
    steps = [step for step in checkpoint_steps(directory) if step <= last]
    for step in set(steps[:-keep]) - {best}:
        (directory / NAME.format(step)).unlink(missing_ok=True)


def _digest(content: bytes, found: re.Match[bytes]) -> str:
    start, end = found.span(1)
    return hashlib.sha256(content[:start] + _ZEROS.encode() + content[end:]).hexdigest()


def _metadata(content: bytes, length: int) -> dict[str, str]:
    header: dict[str, dict[str, str]] = json.loads(content[8 : 8 + length])
    return header["__metadata__"]
