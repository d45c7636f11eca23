"""GPUs of a search: each worker has one of them, and its trials see no other. No TensorFlow."""

import re
from collections.abc import Iterable, Sequence
from itertools import cycle, islice

from lstmzoo.errors import InputError, check_count, shown
from lstmzoo.system.machine import explain_gpus

NONE = "-1"  # in CUDA_VISIBLE_DEVICES: no GPU
MOST = 100_000  # workers; far more than any machine has room for


def share_gpus(
    workers: int | None, gpus: Iterable[int] | None, workers_per_gpu: int | None, leads: bool = False
) -> list[str | None]:
    """Return for each worker the CUDA_VISIBLE_DEVICES of its trials; None leaves it as it is, where there is no GPU.

    `gpus`: indices of the visible GPUs, all of them unless given, none if empty; workers take them in turn. `workers`:
    unless given, `workers_per_gpu` (default 1) for each GPU, and 1 without a GPU; but 0 for a machine that `leads`
    and was not asked for GPUs. Two GPUs and 3 workers give `["0", "1", "0"]`.

    Raises `InputError` for GPUs that there are not, and for more workers than `workers_per_gpu` allows.
    """
    if workers is not None:
        check_count("workers", workers, 0 if leads else 1, MOST)
    names = _chosen(gpus)
    if workers_per_gpu is not None:
        _check_fit(workers, workers_per_gpu, len(names))
    if workers is None:
        asked = bool(names) and (gpus is not None or workers_per_gpu is not None)
        workers = 0 if leads and not asked else max(1, len(names) * (workers_per_gpu or 1))
    without = None if gpus is None else NONE
    return list(islice(cycle(names or [without]), workers))


def describe_shares(shares: Sequence[str | None], device: str) -> str:
    """Describe what `share_gpus` has returned, where TensorFlow finds a device ("gpu" or "cpu").

    Four workers on two GPUs are `2 GPUs (0, 1), 4 trials at a time`.
    """
    names = dict.fromkeys(name for name in shares if name not in (None, NONE))
    short = ", ".join(str(name)[:12] for name in names)  # a UUID's first digits
    gpus = f"{len(names)} GPU{'s' if len(names) > 1 else ''} ({short})" if names else "no GPU"
    place = ", on the processor, since TensorFlow sees no GPU" if names and device == "cpu" else ""
    return f"{gpus}, {len(shares)} trial{'' if len(shares) == 1 else 's'} at a time{place}"


def read_gpus(text: str) -> list[int]:
    """Return the indices in a text such as `0,1`; none for an empty text. Raises `InputError` for another text."""
    if not re.fullmatch(r"\s*([0-9]{1,5}\s*(,\s*[0-9]{1,5}\s*)*)?", text):
        raise InputError(f"--gpus: expected indices such as 0,1 (or an empty text for none), received {shown(text)}")
    return [int(index) for index in text.split(",") if index.strip()]


def _chosen(gpus: Iterable[int] | None) -> list[str]:
    """Return the names of the GPUs at these indices among the visible ones."""
    names, why = explain_gpus()
    if gpus is None:
        return names
    if not isinstance(gpus, Iterable) or isinstance(gpus, str):
        raise InputError(f"gpus: expected a list of indices such as [0, 1], received {shown(gpus)}")
    indices = list(gpus)
    if indices and not names:
        raise InputError(f"gpus: expected none, received {shown(indices)} ({why}): leave it out to use the processor")
    for index in indices:
        check_count(f"gpus, indices of the visible GPUs ({', '.join(names)[:60]})", index, 0, len(names) - 1)
    if len(set(indices)) < len(indices):
        raise InputError(f"gpus: expected each once, received {shown(indices)}: workers per GPU put more on each")
    return [names[index] for index in indices]


def _check_fit(workers: int | None, workers_per_gpu: int, gpus: int) -> None:
    """Raise `InputError` for workers per GPU without a GPU, and for workers that do not fit on so many GPUs."""
    check_count("workers per GPU", workers_per_gpu, 1, MOST)
    if not gpus and workers_per_gpu > 1:
        why = explain_gpus()[1] or "none was asked for"
        raise InputError(f"workers per GPU: expected a GPU, received none ({why}): leave it out")
    if gpus and workers is not None and workers > (most := gpus * workers_per_gpu):
        raise InputError(
            f"workers: expected at most {most} (GPUs: {gpus}, workers per GPU: {workers_per_gpu}), received {workers}"
        )
