"""Trains every model of the zoo and writes what it reached to lstmzoo/zoo/results.csv and configs/README.md.

`--runs DIR` keeps the runs; what is there already is not run again, and an interrupted run goes on.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import lstmzoo

RESULTS = Path(lstmzoo.__file__).parent / "zoo" / "results.csv"
ROOT = Path(__file__).parent.parent.parent
COLUMNS = ["model", "config", "seeds", "steps", "val_loss", "val_accuracy", "val_rmse"]
ECHO = {  # by model: the configs that it is measured with
    "echo_4": ["echo", "echo_sshanu"],
    "echo_4_5_cells": ["echo_stacked_cells"],
    "echo_3x4": ["echo_stacked_layers"],
    "echo_3x4_cells": ["echo_stacked_layers"],
}


def main() -> None:
    """All models; the echo ones, which take a second each, with three seeds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=Path, default=ROOT / "experiments" / "runs" / "zoo")
    runs = options.parse_args().runs
    rows = [measure(runs, name, config) for name, configs in ECHO.items() for config in configs]
    for task, config in (("char", "char_zoo"), ("series", "series")):
        nets = [name.removesuffix("_cells") for name in lstmzoo.list_models(f"{task}_*")]
        found = {net: measure(runs, net, config) for net in dict.fromkeys(nets)}
        rows += [{**found[name.removesuffix("_cells")], "model": name} for name in lstmzoo.list_models(f"{task}_*")]
    with RESULTS.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    write_table()


def measure(runs: Path, name: str, config: str) -> dict[str, object]:
    """The median over the seeds; of a run that ends when nothing better comes, its best step."""
    seeds = range(3) if name in ECHO else range(1)
    results = [train(runs / f"{name}-{config}-{seed}", name, config, seed) for seed in seeds]
    if results[0]["status"] == "stopped_early":
        best = results[0]["best"]
        return {"model": name, "config": config, "seeds": 1, "steps": best["step"], "val_loss": best["val_loss"]}
    finals = [result["final"] for result in results]
    row = {key: statistics.median(final[key] for final in finals) for key in finals[0] if key in COLUMNS}
    return {"model": name, "config": config, "seeds": len(seeds), "steps": results[0]["steps"], **row}


def train(run: Path, name: str, config: str, seed: int) -> dict[str, Any]:
    """The result.json of a run, which is trained or goes on if it is not completed."""
    if not is_completed(run):
        print(run.name, flush=True)
        given = [] if (run / "config.yaml").exists() else [str(ROOT / "configs" / f"{config}.yaml")]
        sets = [f"--set=model={name}", f"--set=seed={seed}"] if given else []
        line = [sys.executable, "-m", "lstmzoo.run", *given, *sets, "--run-dir", str(run), "--resume"]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
    result: dict[str, Any] = json.loads((run / "result.json").read_text())
    return result


def is_completed(run: Path) -> bool:
    """Whether it was trained to its end, or until nothing better came."""
    path = run / "result.json"
    return path.exists() and json.loads(path.read_text())["status"] in ("completed", "stopped_early")


def write_table() -> None:
    """The table of configs/README.md, between its head and the blank line after it."""
    from lstmzoo.zoo.catalogue import markdown_models

    page = ROOT / "configs" / "README.md"
    text, table = page.read_text(), markdown_models()
    start = text.index(table.splitlines()[0])
    end = text.index("\n\n", start)
    page.write_text(text[:start] + table + text[end:])


if __name__ == "__main__":
    main()
