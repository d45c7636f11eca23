"""Runs the sweep beside this, and keeps its leaderboard, its pictures and the table of the smallest nets."""

import csv
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import lstmzoo
from lstmzoo.sweep.progress import for_output
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.machine import count_cores

HERE = Path(__file__).parent
SOLVED = 0.999
Row = dict[str, str]


def main() -> None:
    """Search, keep, and tell."""
    search = load_sweep(HERE / "sweep.yaml")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(sys.argv[1] if len(sys.argv) > 1 else place)
        lstmzoo.run_sweep(search, directory, count_cores(), watch=for_output(search, directory))
        shutil.copy(directory / "leaderboard.csv", HERE / "leaderboard.csv")
        for name in ("objective", "size_depth", "curves"):
            shutil.copy(directory / "plots" / f"{name}.png", HERE / f"{name}.png")
    with (HERE / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    text = "\n".join([*table(rows, search), ""])
    (HERE / "results.md").write_text(text)
    print(text)


def table(rows: Iterable[Row], search: Search) -> list[str]:
    """How many learning rates solve the task, for each echo step and net, smallest net first."""
    spec = search.varied({}).model
    found: dict[tuple[int, int, int], dict[str, int]] = {}
    for row in rows:
        units, depth = int(row["model.units"]), int(row["model.depth"])
        size = spec.model_copy(update={"kind": "stacked_layers", "units": units, "depth": depth}).parameters(1, 2)
        solved = found.setdefault((size, depth, units), {})
        step = row["task.echo_step"]
        solved[step] = solved.get(step, 0) + (float(row["val_accuracy"] or 0) >= SOLVED)
    lines = ["| parameters | net | step 3 | step 5 | step 8 |", "|---|---|---|---|---|"]
    for (size, depth, units), solved in sorted(found.items()):
        cells = " | ".join(f"{solved[step]} of 3" for step in ("3", "5", "8"))
        lines.append(f"| {size:,} | {depth} x {units} | {cells} |")
    return lines


if __name__ == "__main__":
    main()
