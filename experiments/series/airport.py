"""How good is `configs/series_csv.yaml`? `python experiments/series/airport.py` takes five minutes of two busy cores.

A recipe is chosen by the mean of two earlier parts of the table, each predicted from what is before it, and scored on
the last fifth. Writes airport.md beside this: degrees, of three seeds, and of linear models.
"""

import tempfile
from pathlib import Path

import numpy as np

import lstmzoo
from lstmzoo.data.tables import open_table
from lstmzoo.system.command_line import start_tensorflow

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "configs/series_csv.yaml"
TABLE = CONFIG.parent / "data/laguardia.csv"
AHEAD, WARMUP = 6, 24  # rows, as in the config
PARTS = {"rows 1,704 to 2,272": (1704, 2272), "rows 2,272 to 2,840": (2272, 2840), "the last fifth": (2840, 3551)}
ALL = "task.inputs=[temperature, dew_point, wind]"
BEFORE = [ALL, "model.units=24", "train.epochs=40", "train.optimizer.learning_rate=0.003"]
RECIPES = {
    "24 units, all columns, 40 epochs at 0.003": BEFORE,
    "24 units, 20 epochs": ["model.units=24", "train.epochs=20"],
    "48 units, 40 epochs": [],
    "64 units, 30 epochs": ["model.units=64", "train.epochs=30"],
}


def main() -> None:
    """Train, fit, write."""
    start_tensorflow(1)
    columns = open_table(str(TABLE))[0].read().T
    lines = [f"| degrees | {' | '.join(PARTS)} |", "|---" * (len(PARTS) + 1) + "|"]
    for hours in (48, 168):
        for names, inputs in (("all columns", columns), ("two columns", columns[:2])):
            cells = [f"{linear(inputs.T, hours, *part):.2f}" for part in PARTS.values()]
            lines.append(f"| linear, {hours} hours of {names} | {' | '.join(cells)} |")
    for name, sets in RECIPES.items():
        cells = [", ".join(f"{trained(sets, seed, *part):.2f}" for seed in range(3)) for part in PARTS.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    (HERE / "airport.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))


def trained(sets: list[str], seed: int, first: int, end: int) -> float:
    """The error of a run after its last step, on rows that it was not trained on."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "part.csv"
        table.write_text("".join(TABLE.read_text().splitlines(keepends=True)[: end + 1]))
        data = [f"task.data={table}", f"validate.fraction={(end - first) / end:.6f}", "validate.every_steps=100000"]
        result = lstmzoo.train_run(lstmzoo.load_config(CONFIG, [*sets, *data, f"seed={seed}"]), Path(folder) / "run")
        return result["final"]["val_rmse"]


def linear(inputs: np.ndarray, hours: int, first: int, end: int) -> float:
    """The error of least squares on the last `hours` rows of all inputs; it may look back beyond its part's start."""
    rows = (inputs - inputs[:first].mean(0)) / inputs[:first].std(0)
    seen = np.lib.stride_tricks.sliding_window_view(rows, hours, axis=0).reshape(len(rows) - hours + 1, -1)
    seen = np.column_stack([seen, np.ones(len(seen))])[:-AHEAD]  # row k sees up to row k + hours - 1
    wanted = inputs[hours - 1 + AHEAD :, 0]
    known, asked = first - hours - AHEAD + 1, slice(first + WARMUP - hours + 1, end - AHEAD - hours + 1)
    weights = np.linalg.lstsq(seen[:known], wanted[:known], rcond=None)[0]
    return float(np.sqrt(np.mean((seen[asked] @ weights - wanted[asked]) ** 2)))


if __name__ == "__main__":
    main()
