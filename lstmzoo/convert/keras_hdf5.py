"""Arrays from an HDF5 file; only data in the file itself is read, and no link to another file is followed."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lstmzoo.convert.bounds import Room
from lstmzoo.errors import InputError, shown

_FILTERS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF)


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


def read_arrays(room: Room, file: h5py.File, places: list[str], *, inflated: bool) -> list[np.ndarray]:
    """Return the arrays at these places; raise `InputError` that names the one that is not there.

    `inflated`: the file itself was compressed, and then nothing in it may be.
    """
    with damage_of(room.path):
        return [_array(room, place, own(room.path, file, place), () if inflated else _FILTERS) for place in places]


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


def _array(room: Room, place: str, dataset: Any, filters: tuple[int, ...]) -> np.ndarray:
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual or dataset.dtype.hasobject:
        raise InputError(f"{room.path}: expected an array at {place}, received another object")
    _require_filters(room, place, dataset, filters)
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dataset.dtype.itemsize  # may be larger than the array
    room.take(max(dataset.nbytes, chunk), f"an array at {place}")  # chunks that are absent read as zeros, without end
    if text(dataset.attrs.get("dtype", "")) != "bfloat16":
        return np.asarray(dataset[()])
    import ml_dtypes  # comes with TensorFlow; h5py gives the two bytes of each number

    return np.asarray(dataset[()]).view(ml_dtypes.bfloat16)


def _require_filters(room: Room, place: str, dataset: h5py.Dataset, filters: tuple[int, ...]) -> None:
    properties = dataset.id.get_create_plist()
    found = [properties.get_filter(n)[0] for n in range(properties.get_nfilters())]
    longer = dataset.id.get_storage_size() > 2 * dataset.nbytes + 4096  # a stream may inflate to more than its array
    if len(set(found)) < len(found) or not set(found) <= set(filters) or (found and longer):
        raise InputError(
            f"{room.path}: expected the array at {place} as Keras writes it, received a compressed one: save the model "
            "again"
        )


def text(value: Any) -> str:
    """Return an attribute, which is bytes or text, as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
