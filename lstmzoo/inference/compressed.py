"""The bytes that compressors make of a text, to compare with what a model's loss stands for. No TensorFlow."""

import bz2
import io
import lzma
import math
from pathlib import Path
from typing import Any, BinaryIO

from lstmzoo.system.reader import open_file

CHUNK = 1 << 20  # bytes


def bytes_of(nats: float) -> int:
    """Return the bytes to which a text of so many nats in all could be compressed by its model."""
    return math.ceil(nats / math.log(2) / 8)


def compressed_sizes(text: str | bytes | Path) -> dict[str, int]:
    """Return the bytes of a text, or of the file at a path, as it is and as xz and bzip2 compress it at their best."""
    if isinstance(text, Path):
        with open_file(text) as file:
            return _sizes(file)
    return _sizes(io.BytesIO(text.encode() if isinstance(text, str) else text))


def _sizes(file: BinaryIO) -> dict[str, int]:
    sizes = {"text": 0, "xz": 0, "bzip2": 0}
    makers: dict[str, Any] = {"xz": lzma.LZMACompressor(preset=9 | lzma.PRESET_EXTREME), "bzip2": bz2.BZ2Compressor(9)}
    while chunk := file.read(CHUNK):
        sizes["text"] += len(chunk)
        for name, maker in makers.items():
            sizes[name] += len(maker.compress(chunk))
    return sizes | {name: sizes[name] + len(maker.flush()) for name, maker in makers.items()}
