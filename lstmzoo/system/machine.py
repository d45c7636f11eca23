"""Device, GPUs, cores and memory that this process may use."""

import os
import resource
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from lstmzoo.system.accessories import before_tensorflow

DRIVER = Path("/dev/nvidiactl")
VISIBLE = "CUDA_VISIBLE_DEVICES"
UNSEEN = "an NVIDIA driver is loaded, but TensorFlow sees no GPU"


def find_device() -> str:
    """Return "gpu" if TensorFlow sees one, else "cpu"."""
    return explain_device()[0]


def explain_device() -> tuple[str, str]:
    """Return the device ("gpu" or "cpu") and the reason; TensorFlow is imported only where there is a GPU."""
    names, why = explain_gpus()
    if not names:
        return "cpu", why
    found = count_gpus()
    return ("gpu", f"TensorFlow sees {found}") if found else ("cpu", UNSEEN)


def count_gpus() -> int:
    """Count the GPUs that TensorFlow sees; it is imported only where there is one."""
    if not explain_gpus()[0]:
        return 0
    before_tensorflow()
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))


def explain_gpus() -> tuple[list[str], str]:
    """Return the GPUs that CUDA shows to a new process, as CUDA_VISIBLE_DEVICES names them, or why it shows none.

    TensorFlow is not imported: there is a GPU for each file of the driver that may be opened, in a container or a job
    only those given to it. A list in CUDA_VISIBLE_DEVICES counts as far as CUDA reads it: up to the first name that no
    GPU has, and not at all if a name is there twice.
    """
    if not DRIVER.exists():
        return [], "no NVIDIA driver is loaded"
    files = [file for file in DRIVER.parent.glob("nvidia[0-9]*") if os.access(file, os.R_OK | os.W_OK)]
    if not files:
        return [], "an NVIDIA driver is loaded, but it has no GPU that may be used here"
    there = [str(number) for number in range(len(files))]  # the files of a container may have other numbers
    listed = os.environ.get(VISIBLE, ",".join(there))
    names = [name.strip() for name in listed.split(",")]
    names = list(takewhile(lambda name: name in there or name.startswith(("GPU-", "MIG-")), names))
    names = names if len(set(names)) == len(names) else []
    return names, "" if names else f"{VISIBLE}={listed[:60]} hides every GPU"


def has_computed() -> bool:
    """Tell whether TensorFlow has computed in this process: its threads and clusters are fixed then."""
    if "tensorflow" not in sys.modules:
        return False
    import tensorflow as tf

    threads = tf.config.threading.get_inter_op_parallelism_threads()
    try:
        tf.config.threading.set_inter_op_parallelism_threads(threads + 1)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        return True
    return False


def memory_limit() -> tuple[int, str]:
    """Return the bytes of memory that this process may use, and what limits it ("this machine", "its cgroup", ...)."""
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limits = [(have, "this machine"), *((limit, "the limit of its cgroup") for limit in _cgroup_limits())]
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if space != resource.RLIM_INFINITY:
        limits.append((space, "the limit of its address space, ulimit -v"))
    return min(limits)


def _cgroup_limits(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Iterator[int]:
    """Yield the limits of the process's groups and of those above them, of cgroups of version 2 and 1.

    In a container the groups' own names may be those outside; its root has the limit then.
    """
    for line in _read(own).splitlines():
        _, kinds, path = [*line.split(":", 2), "", ""][:3]
        version_1 = "memory" in kinds.split(",")
        if kinds and not version_1:
            continue
        top, name = (root / "memory", "memory.limit_in_bytes") if version_1 else (root, "memory.max")
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder == top or top in folder.parents:
                text = _read(folder / name).strip()
                if text.isdigit():
                    yield int(text)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
