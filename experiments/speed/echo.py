"""Times training of the echo configuration against its peers: `python experiments/speed/echo.py`.

Every program runs in a process of its own, on one core and on two, with one thread and with two; the processes stay
alive and take turns, so that a change of the machine's speed meets them all. Writes echo.csv and echo.md beside this.
"""

import csv
import platform
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from peers import PEERS
from turns import Round, Setting, best, ratio, take_turns, work

HERE = Path(__file__).parent
ROUNDS, SECONDS = 7, 1.0
WINDOWS = {name: 20_000 if "(xla)" in name else 4000 if "lstmzoo" in name else 1500 for name in PEERS}


def make(name: str, threads: int) -> Round:
    """A round of as many windows as fill about SECONDS, found by doubling."""
    train = PEERS[name](threads, WINDOWS[name])
    start = time.perf_counter()
    train(100)
    count = min(WINDOWS[name], 100)
    while count < WINDOWS[name] and time.perf_counter() - start < 5:
        begin = time.perf_counter()
        train(count)
        if time.perf_counter() - begin > SECONDS / 2:
            break
        count = min(2 * count, WINDOWS[name])

    def turn() -> int:
        train(count)
        return count

    return turn


def main() -> None:
    """All programs take their turns, then the table is written."""
    settings = [Setting(name, *place) for name in PEERS for place in ((1, 1), (2, 1), (2, 2))]
    write(take_turns(settings, ROUNDS))


def write(found: dict[Setting, list[float]]) -> None:
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
            setting, rounds = best(found, name, cores)
            note = f" ({setting.threads})" if cores == 2 else ""
            cells += [f"{statistics.median(rounds):.3f}{note}", f"{ratio(rounds, ours[cores][1]):.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    how = f"Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} interleaved rounds"
    (HERE / "echo.md").write_text("\n".join([*lines, "", how, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(make, sys.argv[2], int(sys.argv[3]))
    else:
        main()
