"""The machine a run is on, and which kernel, threads and shards are fastest there: rules, never timings.

The rules are functions of sizes, device and cores, from what `experiments/speed/` measured.
"""

import os
from collections.abc import Sequence
from pathlib import Path

SMALL_UNITS = 96  # up to about this H overhead counts more than work: one compiled program on one thread
SHARD_LANES = 8  # a shard of fewer lanes costs more than it gains


def find_device() -> str:
    """Either "gpu", if TensorFlow sees one, or "cpu"; TensorFlow is only asked where a driver is there."""
    if not Path("/dev/nvidiactl").exists() or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "cpu"
    import tensorflow as tf

    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fastest_kernel(device: str) -> str:
    """The fastest kernel measured on a device."""
    return "keras" if device == "gpu" else "xla"


def choose_threads(layers: Sequence[int]) -> int:
    """One thread for nets so small that handing work over costs more than the work."""
    return 1 if max(layers) <= SMALL_UNITS else count_cores()


def choose_shards(kernel: str, layers: Sequence[int], batch_size: int, threads: int) -> int:
    """Into how many parts the lanes go that run side by side: the products of one step are too small to share."""
    if kernel != "xla" or max(layers) <= SMALL_UNITS:
        return 1
    return max(1, min(threads, batch_size // SHARD_LANES))
