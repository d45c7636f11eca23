"""Times training and sampling of character models against their peers: `python experiments/speed/char.py [sample]`.

Writes every round to char.csv and tables to char.md, both beside this. With a word only the groups that begin with it
are timed, and the others stay as they are: each group takes its turns by itself.
"""

import csv
import platform
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from char_peers import PROGRAMS, SIZES
from turns import Setting, best, ratio, take_turns, work

HERE = Path(__file__).parent
ROUNDS = 7


def main() -> None:
    """Each group of programs takes its turns, then the tables are written."""
    found = read() if sys.argv[1:] else {}
    groups = [f"{what} {size}" for size in SIZES for what in ("train", "sample")]
    for group in [group for group in groups if group.startswith(tuple(sys.argv[1:]) or "")]:
        names = [name for name in PROGRAMS if name.startswith(group)]
        settings = [Setting(name, *place) for name in names for place in ((1, 1), (2, 1), (2, 2))]
        found |= take_turns(settings, ROUNDS)
        print(group, "done", flush=True)
    write(found)


def read() -> dict[Setting, list[float]]:
    """All rounds of the last time."""
    with (HERE / "char.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {Setting(name, int(cores), int(threads)): [*map(float, ms)] for name, cores, threads, *ms in rows}


def write(found: dict[Setting, list[float]]) -> None:
    """All rounds as CSV; the best thread setting of each program as tables."""
    with (HERE / "char.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["program", "cores", "threads", *(f"round {k + 1}" for k in range(ROUNDS))])
        rows.writerows([*setting, *(f"{ms:.5g}" for ms in rounds)] for setting, rounds in found.items())
    lines = [line for size in SIZES for what in ("train", "sample") for line in table(found, what, size)]
    how = f"Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} interleaved rounds"
    (HERE / "char.md").write_text("\n".join([*lines, how, ""]))
    print("\n".join(lines))


def table(found: dict[Setting, list[float]], what: str, size: str) -> list[str]:
    """One group of programs, with their ratios to ours."""
    unit = "ms a step" if what == "train" else "characters a second"
    lines = [f"| {what} {size} | 1 core, {unit} | ours is faster by | 2 cores, {unit} (threads) | ours is faster by |"]
    lines.append("|---|---|---|---|---|")
    for name in [name for name in PROGRAMS if name.startswith(f"{what} {size}")]:
        cells = []
        for cores in (1, 2):
            setting, rounds = best(found, name, cores)
            _, ours = best(found, f"{what} {size}: lstmzoo", cores)
            median = statistics.median(rounds)
            shown = f"{median:.2f}" if what == "train" else f"{1000 / median:,.0f}"
            cells += [shown + (f" ({setting.threads})" if cores == 2 else ""), f"{ratio(rounds, ours):.2f}"]
        lines.append(f"| {name.split(': ')[1]} | {' | '.join(cells)} |")
    return [*lines, ""]


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(lambda name, threads: PROGRAMS[name](threads), sys.argv[2], int(sys.argv[3]))
    else:
        main()
