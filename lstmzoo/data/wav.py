"""WAV files: integers of 8, 16, 24 and 32 bits and floats, scaled to -1..1; a column for each channel. NumPy only.

The format is that of Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0" (1991), with
WAVE_FORMAT_EXTENSIBLE. Chunks other than `fmt ` and `data` are passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lstmzoo.data.columns import Column, Sound
from lstmzoo.data.stored import Layout, Opened, Stored
from lstmzoo.errors import InputError, did_you_mean, shown

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np

INTEGERS, FLOATS, EXTENSIBLE = 1, 3, 0xFFFE  # formats of samples
CURE = "write it again (ffmpeg -i IN -c:a pcm_s16le OUT.wav)"


class Form(NamedTuple):
    """Form of samples: their format in the file and bits, from bytes to floats, and from floats -1..1 to bytes."""

    format: int
    bits: int
    decode: Callable[[bytes], np.ndarray]
    encode: Callable[[np.ndarray], bytes]


def _integers(bits: int) -> Form:
    """Return the form of integers: -2^(bits - 1) is -1. Those of 32 bits become float64, as float32 holds 24."""
    size, half, wide = bits // 8, 2.0 ** (bits - 1), "f8" if bits > 24 else "f4"

    def decode(content: bytes) -> np.ndarray:
        if bits in (16, 32):
            return np.frombuffer(content, f"<i{size}").astype(wide) / half
        filled = np.zeros((len(content) // size, 4), "u1")  # the upper bytes of 32 bits
        filled[:, -size:] = np.frombuffer(content, "u1").reshape(-1, size)
        filled[:, -1] ^= 128 * (bits == 8)  # these alone are unsigned
        return filled.reshape(-1).view("<i4").astype(wide) / 2.0**31

    def encode(values: np.ndarray) -> bytes:
        whole = np.rint(np.nan_to_num(values.astype("f8")) * half).clip(-half, half - 1).astype("<i4")
        return (whole + half * (bits == 8)).astype("<i4").reshape(-1, 1).view("u1")[:, :size].tobytes()

    return Form(INTEGERS, bits, decode, encode)


def _floats(bits: int) -> Form:
    native, stored = f"f{bits // 8}", f"<f{bits // 8}"

    def decode(content: bytes) -> np.ndarray:
        return np.frombuffer(content, stored).astype(native)

    def encode(values: np.ndarray) -> bytes:
        return np.nan_to_num(values, posinf=np.inf, neginf=-np.inf).astype(stored).tobytes()

    return Form(FLOATS, bits, decode, encode)


FORMS = {
    **{"uint8": _integers(8), "int16": _integers(16), "int24": _integers(24), "int32": _integers(32)},
    **{"float32": _floats(32), "float64": _floats(64)},
}


def form_of(name: str) -> Form:
    """Return a form of samples by its name; raise `InputError` for one that no WAV file has here."""
    if name not in FORMS:
        raise InputError(f"expected a form of samples, received {shown(name)}{did_you_mean(name, FORMS)}")
    return FORMS[name]


def wav_columns(file: BinaryIO, path: Path, size: int) -> tuple[tuple[Column, ...], Sound]:
    """Return the channels of a WAV file of `size` bytes, named "0", "1", ..., and its rate and form.

    Raises `InputError` for a compressed file, a cut one, and one without sound.
    """
    try:
        return _wav_columns(file, path, size)
    except struct.error as error:
        raise InputError(f"{path}: expected a WAV file, received one that was cut: {CURE}") from error


def _wav_columns(file: BinaryIO, path: Path, size: int) -> tuple[tuple[Column, ...], Sound]:
    kind, _, content = struct.unpack("<4sI4s", file.read(12))
    if (kind, content) != (b"RIFF", b"WAVE"):
        raise InputError(
            f"{path}: expected RIFF WAVE, received {shown((kind + b' ' + content).decode('latin1'))}: {CURE}"
        )
    chunks: dict[bytes, tuple[int, int]] = {}
    while b"data" not in chunks:
        name, length = struct.unpack("<4sI", file.read(8))
        chunks[name] = (file.tell(), length)
        file.seek(length + length % 2, 1)
    name, channels, rate = _format(file, path, *chunks.get(b"fmt ", (0, 0)))
    form, (start, length) = FORMS[name], chunks[b"data"]
    width = channels * form.bits // 8
    if length > size - start or length % width:
        raise InputError(
            f"{path}: expected {length:,} bytes of samples (frames of {width}), received {size - start:,}: the file "
            f"was cut, or written to a pipe: {CURE}"
        )
    numbers = Stored(Opened(file, path), Layout(length // width, channels, start, form.bits // 8, form.decode))
    return tuple(Column(str(place), numbers, place) for place in range(channels)), Sound(rate, name)


def _format(file: BinaryIO, path: Path, start: int, length: int) -> tuple[str, int, int]:
    """Return the form's name, the number of channels, and the rate in samples a second."""
    file.seek(start)
    head = file.read(min(length, 40))
    kind, channels, rate, _, width, bits = struct.unpack("<HHIIHH", head[:16])
    if kind == EXTENSIBLE:
        (kind,) = struct.unpack("<H", head[24:26])
    for name, form in FORMS.items():
        if (form.format, form.bits) == (kind, bits) and width == channels * bits // 8 and channels and rate:
            return name, channels, rate
    raise InputError(
        f"{path}: expected integers of 8, 16, 24 or 32 bits or floats of 32 or 64, received format {kind:#06x} with "
        f"{bits} bits, {channels} channels at {rate:,} Hz: {CURE}"
    )


def wav_head(form: Form, channels: int, rate: int, size: int) -> bytes:
    """Return what stands before `size` bytes of samples; floats have the chunk `fact`, as the format wants."""
    width = channels * form.bits // 8
    fields = struct.pack("<HHIIHH", form.format, channels, rate, rate * width, width, form.bits)
    parts = b"fmt " + struct.pack("<I", len(fields)) + fields
    if form.format == FLOATS:
        parts = b"fmt " + struct.pack("<I", len(fields) + 2) + fields + b"\0\0"
        parts += b"fact" + struct.pack("<II", 4, size // width)
    parts += b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", 4 + len(parts) + size + size % 2) + b"WAVE" + parts
