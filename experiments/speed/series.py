"""Times training of small nets of numbers against PyTorch: `python experiments/speed/series.py`.

Writes every round to series.csv and a table to series.md, both beside this, in milliseconds of CPU a step: elapsed ones
say little where other programs are running. `python experiments/speed/series.py losses` times nothing: it compares the
first five losses of all programs, which begin with the same weights. With `cores` it
writes the elapsed milliseconds a step on two cores to series_cores.md: it says something on a machine at rest only.
"""

import csv
import os
import platform
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from series_peers import KINDS, LANES, PROGRAMS, SHARDED, SIZES, STEPS, turns
from turns import Setting, ratio, take_turns, work

HERE = Path(__file__).parent
ROUNDS = 15
THEIRS = "PyTorch nn.LSTM"
ELAPSED = "LSTMZOO_SPEED_ELAPSED"  # for the workers: elapsed time, not that of the CPU


def main() -> None:
    """The programs of each size take their turns on one core (two shards: on two), then the table is written."""
    found = {}
    for size in SIZES:
        found |= take_turns([setting(size, name) for name in KINDS], ROUNDS)
        print(size, "done", flush=True)
    write(found)


def setting(size: str, name: str) -> Setting:
    """A program of a size, with its cores and threads."""
    return Setting(f"{size}: {name}", *((2, 2) if name == SHARDED else (1, 1)))


def on_two_cores() -> None:
    """Ours in one part and in two shards, PyTorch with one and with two threads, all of which may use two cores."""
    os.environ[ELAPSED] = "1"
    ours = [("lstmzoo, native", 1), (SHARDED, 2)]
    programs = [*ours, (THEIRS, 1), (THEIRS, 2)]
    lines = [f"| ms a step, elapsed | {' | '.join(SIZES)} |", "|---" * (len(SIZES) + 1) + "|"]
    cells: dict[tuple[str, int], list[str]] = {program: [] for program in programs}
    for size in SIZES:
        found = take_turns([Setting(f"{size}: {name}", 2, threads) for name, threads in programs], ROUNDS)
        rounds = dict(zip(programs, found.values(), strict=True))
        best = min((rounds[program] for program in programs[2:]), key=statistics.median)
        for program, times in rounds.items():
            cells[program].append(f"{statistics.median(times):.2f} ({ratio(best, times):.2f} x)")
        print(size, "done", flush=True)
    lines += [f"| {name}, {threads} threads | {' | '.join(row)} |" for (name, threads), row in cells.items()]
    how = f"Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} interleaved rounds"
    (HERE / "series_cores.md").write_text("\n".join([*lines, "", f"B {LANES}, T {STEPS}, one column; {how}", ""]))
    print("\n".join(lines))


def compare() -> None:
    """All programs of a size compute the same first losses, to 1e-5."""
    for size in SIZES:
        every = [PROGRAMS[f"{size}: {name}"](1)()[:5] for name in KINDS]
        apart = max(abs(one - other) for losses in every for one, other in zip(losses, every[-1], strict=True))
        assert apart < 1e-5, every
        print(f"{size}: the first losses are at most {apart:.1e} apart", flush=True)


def write(found: dict[Setting, list[float]]) -> None:
    """All rounds as CSV, and a table: each program's time, and how many times longer PyTorch's is."""
    with (HERE / "series.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["program", "cores", "threads", *(f"round {k + 1}" for k in range(ROUNDS))])
        rows.writerows([*setting, *(f"{ms:.5g}" for ms in rounds)] for setting, rounds in found.items())
    lines = [f"| CPU ms a step: median, least | {' | '.join(SIZES)} |", "|---" * (len(SIZES) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cell(found, size, name) for size in SIZES)} |" for name in KINDS]
    how = f"Python {platform.python_version()}, {platform.machine()}; {ROUNDS} interleaved rounds"
    (HERE / "series.md").write_text("\n".join([*lines, "", f"B {LANES}, T {STEPS}, one column; {how}", ""]))
    print("\n".join(lines))


def cell(found: dict[Setting, list[float]], size: str, name: str) -> str:
    """The median and the least of a program's rounds, and how many times longer PyTorch takes by either."""
    mine, theirs = found[setting(size, name)], found[setting(size, THEIRS)]
    times = f"{ratio(theirs, mine):.1f} x, {min(theirs) / min(mine):.1f} x"
    return f"{statistics.median(mine):.2f}, {min(mine):.2f} ({times})"


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        clock = time.perf_counter if ELAPSED in os.environ else time.process_time
        work(lambda name, threads: turns(PROGRAMS[name], threads), sys.argv[2], int(sys.argv[3]), clock)
    elif sys.argv[1:] == ["losses"]:
        compare()
    elif sys.argv[1:] == ["cores"]:
        on_two_cores()
    else:
        main()
