"""The machine a run is on, and which kernel, threads and shards are fastest there: rules, never timings.

The rules are functions of sizes, device and cores, from what `experiments/speed/` measured. Each `explain_...` returns
the choice and, for `doctor`, why.
"""

from collections.abc import Sequence

from lstmzoo.system.machine import count_cores

SMALL_UNITS = 96  # up to about this H overhead counts more than work: one compiled program on one thread
SHARD_LANES = 8  # a shard of fewer lanes costs more than it gains


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
