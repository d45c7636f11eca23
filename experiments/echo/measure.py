"""Runs every echo config with three seeds; writes tables and pictures beside this."""

import csv
import shutil
import tempfile
from pathlib import Path

import lstmzoo
from lstmzoo.system.command_line import start_tensorflow

HERE = Path(__file__).parent
CONFIGS = HERE.parent.parent / "configs"
COLUMNS = [
    "config",
    "seed",
    "parameters",
    "steps",
    "train_seconds",
    "epoch_train_loss",
    "loss_floor",
    "val_loss",
    "val_accuracy",
]


def measure(config: str, seed: int, directory: Path) -> dict[str, object]:
    """One row of the table."""
    experiment = lstmzoo.load_config(CONFIGS / f"{config}.yaml", [f"seed={seed}"])
    result = lstmzoo.train_run(experiment, directory / f"{config}-{seed}")
    return {"config": config, **result, **result["final"]}


def main() -> None:
    """All configs, all seeds."""
    start_tensorflow(1)
    with tempfile.TemporaryDirectory() as place:
        configs = sorted(path.stem for path in CONFIGS.glob("echo*.yaml"))
        rows = [measure(config, seed, Path(place)) for config in configs for seed in range(3)]
        for name in ("echo", "loss"):
            shutil.copy(Path(place, "echo-0", "plots", f"{name}.png"), HERE / f"{name}.png")
    write(HERE / "results.csv", COLUMNS, rows)
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        cells = (f"{row[name]:.4g}" if isinstance(row[name], float) else str(row[name]) for name in COLUMNS)
        lines.append(f"| {' | '.join(cells)} |")
    (HERE / "results.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))


def write(path: Path, columns: list[str], rows: list[dict[str, object]]) -> None:
    """A table as CSV."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
