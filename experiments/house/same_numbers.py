"""Do two checkouts compute the same numbers? `python experiments/house/same_numbers.py BEFORE AFTER`

Trains configs/echo.yaml, a char run with dropout and a sweep of six trials with each checkout, and compares bit for
bit: every tensor and setting of every checkpoint, metrics.jsonl, result.json (both without the clock's values),
samples, leaderboard.csv. Exit status 1 if anything differs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import safe_open

CLOCK = ("elapsed_seconds", "symbols_per_second", "train_seconds")
CHAR = """
task: {kind: char, corpus: python-stdlib}
model: {kind: stacked_layers, units: [48, 40], dropout: 0.3}
train: {batch_size: 16, seq_length: 32, steps: 240, optimizer: {name: adam, learning_rate: 0.004}, grad_clip_norm: 1.0}
validate: {every_steps: 120, fraction: 0.02}
sample: {every_steps: 120, length: 200}
checkpoint: {every_steps: 60, keep: 3}
"""
SWEEP = """
base: base.yaml
space:
  model.kind: {choices: [stacked_layers]}
  model.units: {min: 1, max: 12, sampling: log}
  model.depth: {min: 1, max: 2}
  train.optimizer.learning_rate: {min: 1e-3, max: 1.0, sampling: log}
search: {kind: random, trials: 6, seed: 3}
"""
BASE = """
task: {kind: echo, series_length: 9000}
model: {kind: stacked_layers, units: 4}
train: {steps: 300}
validate: {every_steps: 100}
"""


def main(before: Path, after: Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, side) for side in ("before", "after")]
        for folder, checkout in zip(folders, (before, after), strict=True):
            train_all(folder, checkout)
        one, two = (dict(facts(folder)) for folder in folders)
    different = [key for key in sorted(one.keys() | two.keys()) if one.get(key) != two.get(key)]
    print(f"{len(one)} facts compared, {len(different)} differ")
    print("\n".join(different[:50]))
    return int(bool(different))


def train_all(folder: Path, checkout: Path) -> None:
    """Run all with one checkout in a folder."""
    folder.mkdir()
    for name, text in (("char.yaml", CHAR), ("sweep.yaml", SWEEP), ("base.yaml", BASE)):
        (folder / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(checkout.resolve())}
    for line in (
        ["lstmzoo.run", str(checkout.resolve() / "configs" / "echo.yaml"), "--run-dir", "echo"],
        ["lstmzoo.run", "char.yaml", "--run-dir", "char"],
        ["lstmzoo.sweep", "sweep.yaml", "--dir", "sweep", "--workers", "2"],
    ):
        subprocess.run([sys.executable, "-m", *line], check=True, cwd=folder, env=environment, capture_output=True)


def facts(folder: Path) -> Iterator[tuple[str, Any]]:
    """All that must be the same, by file and name."""
    for path in sorted(folder.rglob("*")):
        place = str(path.relative_to(folder))
        if path.suffix == ".safetensors":
            with safe_open(path, "numpy") as file:
                for name in file.keys():  # noqa: SIM118
                    tensor = file.get_tensor(name)
                    yield f"{place}: {name}", (tensor.dtype, tensor.shape, tensor.tobytes())
                yield f"{place}: settings", file.metadata()["settings"]
        elif path.name == "metrics.jsonl":
            for number, line in enumerate(path.read_text().splitlines(), 1):
                yield f"{place}:{number}", without_clock(json.loads(line))
        elif path.name == "result.json":
            yield place, without_clock(json.loads(path.read_text()))
        elif path.name == "leaderboard.csv" or path.suffix == ".txt":
            yield place, path.read_bytes()


def without_clock(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a clock measured."""
    return {name: value for name, value in values.items() if name not in CLOCK}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
