"""The machine that this process runs on: processor, memory, settings, places for files, and what `auto` chooses."""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lstmzoo.doctor.checks import Check, failure
from lstmzoo.execution.auto import choose_shards, explain_kernel, explain_threads
from lstmzoo.sweep.gpus import describe_shares, share_gpus
from lstmzoo.system.machine import count_cores, count_gpus, memory_limit

INSTRUCTIONS = ("avx", "avx2", "fma", "avx512f", "amx_tile", "asimd", "sve")  # TensorFlow's speed depends on them
SETTINGS = re.compile(r"TF_(CPP|CUDNN|DETERMINISTIC|ENABLE|FORCE|GPU|NUM|USE|XLA)_.*|(CUDA|LSTMZOO|OMP|XLA)_.*")
EXAMPLES = (("echo_4", 5), ("char_2x512", 50))  # models of the zoo, and lanes
PROBE = 1_000_000  # bytes written to test that there is room
LEAST = 200_000_000  # bytes: a run of a large net keeps three checkpoints


def machine() -> Iterator[Check]:
    """Describe processor, memory, and the environment variables that change how TensorFlow and lstmzoo behave."""
    info = _read("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", info, re.M)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", info, re.M)
    known = set(flags[1].split()) if flags else set()
    has = " ".join(name for name in INSTRUCTIONS if name in known)
    cores = f"{count_cores()} of {os.cpu_count()} cores usable"
    yield Check("processor", ", ".join(filter(None, (model[1] if model else platform.machine(), cores, has))))
    yield Check("memory", memory())
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if SETTINGS.fullmatch(name)]
    yield Check("settings", " ".join(map(short_path, settings)) or "no variable that changes TensorFlow or lstmzoo")


def memory() -> str:
    """Describe the memory: total, available, and the limit of a container."""
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = re.search(r"^MemAvailable:\s*(\d+) kB", _read("/proc/meminfo"), re.M)
    limit, why = memory_limit()
    parts = [f"{have / 1e9:.1f} GB"]
    parts += [f"{int(free[1]) * 1024 / 1e9:.1f} GB available"] if free else []
    parts += [f"limited to {limit / 1e9:.1f} GB ({why})"] if limit < have else []
    return ", ".join(parts)


def places() -> Iterator[Check]:
    """Check that files can be written to the cache of texts, to the default place of runs, and to the temporary folder.

    No file stays there, and a folder that does not exist yet is not made.
    """
    from lstmzoo.data.corpora import cache_root
    from lstmzoo.runs.places import runs_root

    yield place("cache", cache_root(), "set another folder with LSTMZOO_CACHE=DIR")
    yield place(
        "runs", runs_root(), "set another folder with LSTMZOO_RUNS=DIR or --run-dir DIR, or start in another one"
    )
    try:
        yield place("temporary", Path(tempfile.gettempdir()), "set another folder with TMPDIR=DIR")
    except OSError as error:
        yield Check("temporary", failure(error), False, "make room, or set another folder with TMPDIR=DIR")


def trained_models() -> Iterator[Check]:
    """Check that every trained model of the package can be read."""
    from lstmzoo.runs.trained import open_run
    from lstmzoo.zoo.pretrained import list_trained

    names = list_trained()
    for name in names:
        open_run(name)
    yield Check("models", f"{', '.join(names)} (trained models of the package)", True)


def place(name: str, path: Path, advice: str) -> Check:
    """Check that files can be written to a folder, or to the parent in which it would be made."""
    shown = short_path(str(path))
    try:
        there = path.absolute()
        while not os.path.lexists(there):
            there = there.parent
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(name, f"{shown} cannot be written: {error.strerror or error}", False, advice)
    text = f"{shown}, {free / 1e9:.1f} GB free"
    return Check(name, text, None if free < LEAST else True, f"make room, or {advice}" if free < LEAST else "")


def short_path(text: str) -> str:
    """Return a text with ~ for the home directory."""
    home = str(Path.home())
    return re.sub(rf"{re.escape(home)}(?=/|$)", "~", text) if len(home) > 1 else text


def execution(device: str) -> Iterator[Check]:
    """Describe what `auto` chooses on a device, for a small net and a large one, and why; and where sweeps compute."""
    from lstmzoo.models.registry import get_model

    kernel, why = explain_kernel(device)
    yield Check("kernel", f"{kernel}: {why}")
    for name, lanes in EXAMPLES:
        layers = get_model(name).layers
        (threads, for_threads), shards = explain_threads(layers), choose_shards(kernel, layers, lanes, count_cores())
        yield Check(name, f"{lanes} lanes: threads {threads}, shards {shards} ({for_threads})")
    yield Check("sweep", f"{describe_shares(share_gpus(None, None, None), device)} (--workers N for more)")
    if (gpus := count_gpus()) > 1:
        yield Check("GPUs", f"{gpus}: a run computes on the first; with execution.shards: {gpus} on all, a shard each")


def _read(path: str) -> str:
    """Return the text of a file of Linux, or an empty text on another system."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
