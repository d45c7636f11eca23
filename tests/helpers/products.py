"""Rows of a matrix product, on this processor."""

from pathlib import Path


def rounding_of_rows():
    """What a product's row may differ by from the same row in a product of other rows beside it.

    With AVX-512 it is the same to the bit in TensorFlow's small products; with AVX2 alone the last place may differ (numbers are of size 1).
    """
    processor = Path("/proc/cpuinfo")
    return 0.0 if processor.exists() and "avx512f" in processor.read_text() else 2**-22
