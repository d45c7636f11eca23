"""Programs that take turns: each in a process of its own, on one core and on two, so a change of speed meets them all.

A benchmark calls `main(worker, settings, rounds)`; `worker(name, threads)` returns a function that does one round and
returns how many units (steps, symbols) it did. The table holds milliseconds a unit.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

Round = Callable[[], int]
Clock = Callable[[], float]


class Setting(NamedTuple):
    """One program with so many cores and threads."""

    name: str
    cores: int
    threads: int


def work(make: Callable[[str, int], Round], name: str, threads: int, clock: Clock = time.perf_counter) -> None:
    """Answers each line on stdin with the milliseconds a unit of one round, by `clock`: elapsed, or of the CPU."""
    turn = make(name, threads)
    turn()
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = clock()
        count = turn()
        print(1000 * (clock() - begin) / count, flush=True)


def start(setting: Setting) -> subprocess.Popen[str]:
    """A process of a setting, kept on its cores."""
    line = [sys.executable, sys.argv[0], "worker", setting.name, str(setting.threads)]
    keep = set(sorted(os.sched_getaffinity(0))[: setting.cores])
    return subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, keep),
    )


def take_turns(settings: list[Setting], rounds: int) -> dict[Setting, list[float]]:
    """Milliseconds a unit of each round of each setting."""
    processes = {}
    for setting in settings:
        processes[setting] = start(setting)
        assert processes[setting].stdout.readline() == "ready\n", setting
    found: dict[Setting, list[float]] = {setting: [] for setting in settings}
    for _ in range(rounds):
        for setting, process in processes.items():
            process.stdin.write("go\n")
            process.stdin.flush()
            found[setting].append(float(process.stdout.readline()))
    for process in processes.values():
        process.stdin.close()
        process.wait()
    return found


def best(found: dict[Setting, list[float]], name: str, cores: int) -> tuple[Setting, list[float]]:
    """The thread setting of a program with the lowest median, and its rounds."""
    mine = [(setting, rounds) for setting, rounds in found.items() if (setting.name, setting.cores) == (name, cores)]
    return min(mine, key=lambda pair: statistics.median(pair[1]))


def ratio(theirs: list[float], ours: list[float]) -> float:
    """How many times longer theirs took: the median over the rounds."""
    return statistics.median(other / own for other, own in zip(theirs, ours, strict=True))
