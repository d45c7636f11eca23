"""Arrays from an HDF5 file; only data in the file itself is read, and no link to another file is followed."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lstmzoo.errors import InputError, shown

_EXPANSION = 1100  # bytes out of one byte; deflate gives 1032 at most


@contextmanager
def damage_of(path: Path) -> Iterator[None]:
    """Turn errors of reading the content of a file, which is in memory, into an `InputError` that names the file."""
    try:
        yield
    except InputError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RuntimeError,
        OSError,
        MemoryError,
    ) as error:
        reason = shown(str(error), 200)
        raise InputError(
            f"{path}: expected a whole Keras model, received a damaged or foreign file ({reason})"
        ) from error


def read_arrays(path: Path, file: h5py.File, places: list[str]) -> list[np.ndarray]:
    """Return the arrays at these places; raise `InputError` that names the one that is not there."""
    with damage_of(path):
        most = _EXPANSION * file.id.get_filesize()
        return [_array(path, place, own(path, file, place), most) for place in places]


def own(path: Path, file: h5py.File, place: str) -> Any:
    """Return the object at a place; raise `InputError` unless the file itself holds it."""
    found = file
    for part in place.split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) and part in found else None
        if not isinstance(link, h5py.HardLink):
            raise InputError(
                f"{path}: expected weights at {place}, received nothing there, or a link, which is not followed"
            )
        found = found[part]
    return found


def _array(path: Path, place: str, dataset: Any, most: int) -> np.ndarray:
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise InputError(f"{path}: expected an array at {place}, received another object")
    if dataset.nbytes > most:  # chunks that are absent read as zeros, without end
        raise InputError(
            f"{path}: expected an array at {place} that the file can hold, received one of {dataset.nbytes:,} bytes"
        )
    if text(dataset.attrs.get("dtype", "")) != "bfloat16":
        return np.asarray(dataset[()])
    import ml_dtypes  # comes with TensorFlow; h5py gives the two bytes of each number

    return np.asarray(dataset[()]).view(ml_dtypes.bfloat16)


def text(value: Any) -> str:
    """Return an attribute, which is bytes or text, as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
