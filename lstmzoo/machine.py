"""The machine a run is on, and which kernel, threads and shards are fastest there: rules, never timings.

The rules are functions of sizes, device and cores, from what `experiments/speed/` measured. Each `explain_...` returns
the choice and, for `doctor`, why.
"""

import os
from collections.abc import Sequence
from pathlib import Path

SMALL_UNITS = 96  # up to about this H overhead counts more than work: one compiled program on one thread
SHARD_LANES = 8  # a shard of fewer lanes costs more than it gains
DRIVER = Path("/dev/nvidiactl")
UNSEEN = "an NVIDIA driver is loaded, but TensorFlow sees no GPU"


def find_device() -> str:
    """Either "gpu", if TensorFlow sees one, or "cpu"."""
    return explain_device()[0]


def explain_device() -> tuple[str, str]:
    """The device, and why; TensorFlow is only asked where a driver is there."""
    if not DRIVER.exists():
        return "cpu", "no NVIDIA driver is loaded"
    if (hidden := os.environ.get("CUDA_VISIBLE_DEVICES")) in ("", "-1"):
        return "cpu", f"CUDA_VISIBLE_DEVICES={hidden} hides every GPU"
    import tensorflow as tf

    found = len(tf.config.list_physical_devices("GPU"))
    return ("gpu", f"TensorFlow sees {found}") if found else ("cpu", UNSEEN)


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fastest_kernel(device: str) -> str:
    """The fastest kernel measured on a device."""
    return explain_kernel(device)[0]


def explain_kernel(device: str) -> tuple[str, str]:
    """The fastest kernel measured on a device, and why it is."""
    if device == "gpu":
        return "keras", "on a GPU Keras's own layers run in cuDNN"
    return "xla", "on a CPU a compiled window saves the overhead of each time step"


def choose_threads(layers: Sequence[int]) -> int:
    """How many threads TensorFlow is given for layers of these units."""
    return explain_threads(layers)[0]


def explain_threads(layers: Sequence[int]) -> tuple[int, str]:
    """The threads, and why: small nets get one."""
    if max(layers) <= SMALL_UNITS:
        return 1, f"up to {SMALL_UNITS} units handing work over costs more than the work"
    return count_cores(), f"above {SMALL_UNITS} units every usable core has work"


def choose_shards(kernel: str, layers: Sequence[int], batch_size: int, threads: int) -> int:
    """Into how many parts the lanes go that run side by side: the products of one step are too small to share."""
    if kernel != "xla" or max(layers) <= SMALL_UNITS:
        return 1
    return max(1, min(threads, batch_size // SHARD_LANES))
