"""Times training of the echo configuration against its peers: `python experiments/speed/echo.py`.

Every program runs in a process of its own, on one core and on two, with one thread and with two; the processes stay
alive and take turns, so that a change of the machine's speed meets them all. Writes echo.csv and echo.md beside this.
"""

import csv
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from peers import PEERS

HERE = Path(__file__).parent
ROUNDS, SECONDS = 7, 1.0
WINDOWS = {name: 20_000 if "(xla)" in name else 4000 if "lstmzoo" in name else 1500 for name in PEERS}


def worker(name: str, threads: int) -> None:
    """Answers each line on stdin with the milliseconds a step of one round."""
    train = PEERS[name](threads, WINDOWS[name])
    start = time.perf_counter()
    train(100)
    train(100)
    count = min(WINDOWS[name], 100)
    while count < WINDOWS[name] and time.perf_counter() - start < 5:
        begin = time.perf_counter()
        train(count)
        if time.perf_counter() - begin > SECONDS / 2:
            break
        count = min(2 * count, WINDOWS[name])
    train(count)
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.perf_counter()
        train(count)
        print(1000 * (time.perf_counter() - begin) / count, flush=True)


def start(name: str, cores: int, threads: int) -> subprocess.Popen[str]:
    line = [sys.executable, __file__, "worker", name, str(threads)]
    keep = set(sorted(os.sched_getaffinity(0))[:cores])
    return subprocess.Popen(
        line,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, keep),
    )


def main() -> None:
    """Start all, let them take turns, and write the table."""
    settings = [(name, cores, threads) for name in PEERS for cores, threads in ((1, 1), (2, 1), (2, 2))]
    processes = {}
    for setting in settings:
        processes[setting] = start(*setting)
        assert processes[setting].stdout.readline() == "ready\n", setting
    found = {setting: [] for setting in settings}
    for _ in range(ROUNDS):
        for setting, process in processes.items():
            process.stdin.write("go\n")
            process.stdin.flush()
            found[setting].append(float(process.stdout.readline()))
    for process in processes.values():
        process.stdin.close()
    write(found)


def write(found: dict[tuple[str, int, int], list[float]]) -> None:
    """All rounds as CSV; the best thread setting of each program as a table."""
    with (HERE / "echo.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["program", "cores", "threads", *(f"round {k + 1}" for k in range(ROUNDS))])
        rows.writerows([*setting, *(f"{ms:.4f}" for ms in rounds)] for setting, rounds in found.items())
    lines = [
        "| program | 1 core, ms a step | ratio to ours | 2 cores, ms a step (threads) | ratio to ours |",
        "|---|---|---|---|---|",
    ]
    ours = {cores: best(found, "lstmzoo (xla)", cores) for cores in (1, 2)}
    for name in PEERS:
        cells = []
        for cores in (1, 2):
            threads, rounds = best(found, name, cores)
            ratio = statistics.median(theirs / mine for theirs, mine in zip(rounds, ours[cores][1], strict=True))
            note = f" ({threads})" if cores == 2 else ""
            cells += [f"{statistics.median(rounds):.3f}{note}", f"{ratio:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    how = f"Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} interleaved rounds"
    (HERE / "echo.md").write_text("\n".join([*lines, "", how, ""]))
    print("\n".join(lines))


def best(found: dict[tuple[str, int, int], list[float]], name: str, cores: int) -> tuple[int, list[float]]:
    """The thread setting of the lowest median, and its rounds."""
    settings = [(threads, rounds) for (other, c, threads), rounds in found.items() if (other, c) == (name, cores)]
    return min(settings, key=lambda setting: statistics.median(setting[1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        worker(sys.argv[2], int(sys.argv[3]))
    else:
        main()
