"""The bytes that compressors make of a text, to compare with what a model's loss stands for. No TensorFlow."""

import bz2
import lzma
import math


def bytes_of(nats: float) -> int:
    """Return the bytes to which a text of so many nats in all could be compressed by its model."""
    return math.ceil(nats / math.log(2) / 8)


def compressed_sizes(text: bytes) -> dict[str, int]:
    """Return the bytes of a text as it is, and as xz and bzip2 compress it at their best."""
    xz, bzip2 = lzma.compress(text, preset=9 | lzma.PRESET_EXTREME), bz2.compress(text, 9)
    return {"text": len(text), "xz": len(xz), "bzip2": len(bzip2)}
