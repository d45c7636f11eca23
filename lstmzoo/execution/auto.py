"""The choice of kernel, threads and shards for a machine: by rules, never by timings.

The rules are functions of sizes, device and cores, derived from measurements in `experiments/speed/`. Each
`explain_...` returns the choice and, for `doctor`, the reason.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.system.compiler import compiler_problem, find_compiler
from lstmzoo.system.machine import count_cores

SMALL_UNITS = 96  # up to about this H overhead takes longer than the work: one compiled program on one thread
NATIVE_UNITS = 24  # up to this H `native` trains a net of numbers about 2 to 6 times as fast as `xla`
SHARD_LANES = 8  # a shard of fewer lanes costs more than it saves
STEP = 0.035  # ms of a step beside its arithmetic
FLOPS = 1.5e8  # of a core in a ms
MORE_LANES = 2.5  # a step of few lanes takes as long as one of so many more
HOP = 0.35  # ms until a worker has what the one before it sends, on the fastest network
BYTE = 1.5e-6  # ms of sending and receiving it there


class Kernel(NamedTuple):
    """All that others need to know of a kernel; `kernels.LAYERS` has its function."""

    meaning: str
    """Its description in words."""
    compiled: bool
    """True if the program around it is compiled by XLA: small nets whole, others by shards of lanes."""
    built: bool = False
    """True if a part of it is built by a C++ compiler when it is asked for; it runs on CPUs only."""


KERNELS = {
    "keras": Kernel("its own layers (cuDNN on a GPU)", compiled=False),
    "scan": Kernel("own gradient", compiled=False),
    "xla": Kernel("that, compiled by XLA", compiled=True),
    "native": Kernel("that, in C++", compiled=True, built=True),
}


def fastest_kernel(device: str, recurrent_dropout: bool = False) -> str:
    """Return the fastest kernel measured on a device ("cpu" or "gpu"), for nets with recurrent dropout or without."""
    return explain_kernel(device, recurrent_dropout)[0]


def explain_kernel(device: str, recurrent_dropout: bool = False) -> tuple[str, str]:
    """Return the fastest kernel measured on a device ("cpu" or "gpu"), and the reason."""
    if device == "gpu" and recurrent_dropout:
        return "scan", "cuDNN has no recurrent dropout"
    if device == "gpu":
        return "keras", "on a GPU Keras's own layers run in cuDNN"
    return "xla", "on a CPU a compiled window saves the overhead of each time step"


def check_kernel(kernel: str, device: str) -> None:
    """Raise `InputError` where a kernel cannot run: on a GPU, or without a C++ compiler that works."""
    if not KERNELS[kernel].built:
        return
    if device != "cpu":
        raise InputError(
            f"execution.kernel: {kernel} runs on CPUs only: on a GPU a new run takes keras "
            "(another one goes on where CUDA_VISIBLE_DEVICES=-1 hides the GPU)"
        )
    if problem := compiler_problem():
        raise InputError(
            f"execution.kernel: {kernel} is built by a C++ compiler, and {problem}: install one, or name it in CXX "
            "(a new run may take xla, which computes the same)"
        )


def known_kernel(kernel: str, device: str, recurrent_dropout: bool = False) -> str:
    """Return the kernel of a name, for "auto" the fastest; raise `InputError` where it is not known or cannot run."""
    if kernel == "auto":
        return fastest_kernel(device, recurrent_dropout)
    if not isinstance(kernel, str) or kernel not in KERNELS:
        near = did_you_mean(kernel, ["auto", *KERNELS])
        raise InputError(f"kernel: expected a known one, received {shown(kernel)}{near}")
    check_kernel(kernel, device)
    return kernel


def native_pays(kernel: str, layers: Sequence[int], numbers: bool) -> bool:
    """Tell whether `native` could be built here, and trains about twice as fast as this kernel or more.

    Measured on a CPU by `experiments/speed/native.py`. The compiler is looked for, and not run.
    """
    return kernel == "xla" and numbers and max(layers) <= NATIVE_UNITS and bool(find_compiler())


def choose_threads(layers: Sequence[int]) -> int:
    """Return the number of threads for TensorFlow, for layers of these units."""
    return explain_threads(layers)[0]


def follows_cores(layers: Sequence[int]) -> bool:
    """Tell whether the number of threads for such layers is that of the usable cores (an affinity mask counts)."""
    return max(layers) > SMALL_UNITS


def explain_threads(layers: Sequence[int]) -> tuple[int, str]:
    """Return the number of threads and the reason: small nets get one thread, others one for each core."""
    if not follows_cores(layers):
        return 1, f"up to {SMALL_UNITS} units several threads cost more time than they save"
    return count_cores(), f"above {SMALL_UNITS} units there is work for every usable core"


def choose_shards(kernel: str, layers: Sequence[int], batch_size: int, threads: int) -> int:
    """Return the number of shards of the lanes, which run side by side.

    Lanes are split, since the matrix products of one step are too small to be shared among threads. At least
    `SHARD_LANES` lanes go to a shard: `choose_shards("xla", [256], 32, 8)` is 4.
    """
    if not KERNELS[kernel].compiled or not follows_cores(layers):
        return 1
    return max(1, min(threads, batch_size // SHARD_LANES))


def cut_lanes(batch_size: int, shards: int) -> list[int]:
    """Return the lanes of each shard, the larger first: `cut_lanes(5, 2)` is `[3, 2]`."""
    least, more = divmod(batch_size, shards)
    return [least + (shard < more) for shard in range(shards)]


def share_shards(shards: int, workers: int) -> list[range]:
    """Return the shards that each worker computes: `share_shards(5, 2)` is `[range(0, 3), range(3, 5)]`."""
    counts = cut_lanes(shards, workers)
    firsts = [sum(counts[:worker]) for worker in range(workers)]
    return [range(first, first + count) for first, count in zip(firsts, counts, strict=True)]


def explain_hosts(
    parameters: int, batch_size: int, seq_length: int, threads: int, shards: int, workers: int, ring: bool = False
) -> tuple[bool, str]:
    """Tell whether several workers may train faster than one of them alone, and what a step takes.

    The times are those of the `xla` kernel, and of a network that takes no time at all: where it does not pay there, it
    pays nowhere. A worker sends the vectors of its shards on, or in a ring a part of their sum.
    """
    lane = 6 * parameters * seq_length / FLOPS
    alone, part = (STEP + lane * (batch_size / (threads * count) + MORE_LANES) for count in (1, workers))
    hops, share = (2 * (workers - 1), 1 / workers) if ring else (workers - 1, -(-shards // workers))
    asking = hops * (HOP + 4 * parameters * share * BYTE)
    pays = part + asking < alone
    step = f"a step takes about {_ms(alone)} on one host, {_ms(part + asking)} or more on {workers}"
    end = "" if pays else f": {'one host alone is' if workers == 2 else 'fewer hosts are'} faster"
    return pays, f"{step} ({_ms(asking)} to add their gradients){end}"


def _ms(value: float) -> str:
    return f"{value:.2g} ms" if value < 100 else f"{value:,.0f} ms"
