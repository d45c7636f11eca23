"""How well does a small LSTM predict numbers? `python experiments/series/measure.py` takes eight minutes of a core.

Trains each recipe beside this with three seeds, and PyTorch's own loop (2.4 or later) on the same windows; writes
results.csv, results.md and the pictures. `--runs DIR` keeps what was trained, and does not train it again.
"""

import argparse
import csv
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pictures
import torch_loop
from linear import linear, persistence
from rows import Step, free_run, nrmse, nrmse_ahead, rows_of, starts

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.data.simulated import find_simulation
from lstmzoo.runs.trained import open_run
from lstmzoo.system.command_line import start_tensorflow
from lstmzoo.tasks.series.recordings import Recordings

HERE = Path(__file__).parent
SERIES = {"mackey-glass": "mackey_glass", "narma10": "narma10", "diode-clipper": "diode_clipper"}  # their recipes
METHODS = ("lstmzoo", "PyTorch", "linear", "persistence")
COLUMNS = ("series", "ahead", "seed", "steps", *METHODS)
SEEDS, AHEAD, SHOWN = range(3), 84, 300  # rows ahead: of the score, of the picture
Row = dict[str, Any]


class Trial(NamedTuple):
    """One series with one seed: what its run reports, its data, and what is compared."""

    seed: int
    result: Row
    recordings: Recordings
    steps: dict[str, Step]

    @property
    def series(self) -> np.ndarray:
        """The targets that are validated on, scaled: `[n, M]`."""
        (segment,), dataset = self.recordings.dataset.validating, self.recordings.dataset
        values = dataset.tables[segment.table].read(dataset.scaling.targets, segment.first, segment.rows)
        return dataset.scaling.scale_targets(values)


def main() -> None:
    """Measure, write and draw."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=Path)
    given = options.parse_args().runs
    start_tensorflow(1)
    with tempfile.TemporaryDirectory() as place:
        trials = {name: [trial(given or Path(place), name, seed) for seed in SEEDS] for name in SERIES}
        curves = [errors_ahead(each) for each in trials["mackey-glass"]]
        free = [closed_loop(each, curve) for each, curve in zip(trials["mackey-glass"], curves, strict=True)]
        steps = [one_step(name, each) for name in SERIES for each in trials[name]]
        rows = [*steps[: len(SEEDS)], *free, *steps[len(SEEDS) :]]
        write(rows)
        draw(rows, {name: found[0] for name, found in trials.items()}, curves[0])


def trial(runs: Path, name: str, seed: int) -> Trial:
    """Train all that learns."""
    print(name, seed, flush=True)
    data = one_sound(runs) if name == "diode-clipper" and seed else []
    experiment = lstmzoo.load_config(HERE / f"{SERIES[name]}.yaml", [f"seed={seed}", *data])
    run = runs / f"{SERIES[name]}-{seed}"
    result = lstmzoo.train_run(experiment, run, resume=True)
    plan = make_plan(experiment)
    recordings = plan.task.recordings  # type: ignore[attr-defined]
    peer = torch_loop.trained(experiment, recordings.training, result["steps"], run / "torch.pt")
    steps = {"lstmzoo": ours(run), "PyTorch": peer, "linear": linear(rows_of(recordings.training))}
    return Trial(seed, result, recordings, steps | {"persistence": persistence})


def one_sound(runs: Path) -> list[str]:
    """The sound of seed 0 as a file, for the other seeds: loudness varies so much that other sounds are other tasks."""
    spec, path = lstmzoo.load_config(HERE / "diode_clipper.yaml").task, runs / "diode_clipper.npz"
    if not path.exists():
        simulation = find_simulation(spec.data)  # type: ignore[union-attr]
        columns = simulation.rows(0, spec.rows).T  # type: ignore[union-attr]
        np.savez(path, **dict(zip(simulation.columns, columns, strict=True)))
    return [f"task.data={path}", "task.rows=null"]


def ours(run: Path) -> Step:
    """The trained model of a run; its state is the stateful Keras model."""

    def step(inputs: np.ndarray, model: Any) -> tuple[np.ndarray, Any]:
        model = model or open_run(run).model(len(inputs))
        return model.predict_on_batch(inputs), model

    return step


def one_step(name: str, trial: Trial) -> Row:
    """The NRMSE of the validation; ours and persistence's from what the run reports."""
    reported = {"lstmzoo": trial.result["final"], "persistence": trial.result["baselines"]["persistence"]}
    found = {method: math.sqrt(1 - each["val_r2"]) for method, each in reported.items()}
    held_out, horizon = rows_of(trial.recordings.validating), trial.recordings.dataset.spec.horizon
    for method in ("PyTorch", "linear"):
        found[method] = nrmse(trial.steps[method](held_out.inputs, None)[0], held_out)
    return row(name, horizon, trial, found)


def errors_ahead(trial: Trial) -> dict[str, np.ndarray]:
    """The NRMSE of 1, 2, ... rows ahead in closed loop, of each method."""
    read, truth = starts(trial.series[:, 0], SHOWN)
    found = {method: free_run(step, read, SHOWN) for method, step in trial.steps.items()}
    return {method: nrmse_ahead(outputs, truth, float(trial.series.std())) for method, outputs in found.items()}


def closed_loop(trial: Trial, curve: dict[str, np.ndarray]) -> Row:
    """The NRMSE of 84 rows ahead."""
    return row("mackey-glass", AHEAD, trial, {method: errors[AHEAD - 1] for method, errors in curve.items()})


def row(name: str, ahead: int, trial: Trial, found: dict[str, Any]) -> Row:
    """A line of the table, in four digits."""
    numbers = {method: float(f"{found[method]:.4g}") for method in METHODS}
    return {"series": name, "ahead": ahead, "seed": trial.seed, "steps": trial.result["steps"], **numbers}


def write(rows: list[Row]) -> None:
    """Every number as CSV, and the medians as Markdown."""
    with (HERE / "results.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    (HERE / "results.md").write_text(text := "\n".join([*summary(rows), ""]))
    print(text)


def summary(rows: list[Row]) -> list[str]:
    """A line for each question: the median of the seeds, and in parentheses the lowest and the highest."""
    lines = [f"| series | rows ahead | {' | '.join(METHODS)} | worst seed / best |", "|---" * (len(METHODS) + 3) + "|"]
    for question in dict.fromkeys((each["series"], each["ahead"]) for each in rows):
        found = [each for each in rows if (each["series"], each["ahead"]) == question]
        cells = [spread([each[method] for each in found]) for method in METHODS]
        ratio = max(own := [each["lstmzoo"] for each in found]) / min(own)
        lines.append(f"| {question[0]} | {question[1]} | {' | '.join(cells)} | {ratio:.2f} |")
    return lines


def spread(values: list[float]) -> str:
    """Median, lowest and highest."""
    middle, *ends = (f"{value:.2g}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({' to '.join(ends)})"


def draw(rows: list[Row], trials: dict[str, Trial], errors: dict[str, np.ndarray]) -> None:
    """All pictures, of the first seed but for the bars."""
    pictures.draw_bars(HERE / "nrmse.png", rows, METHODS)
    chaos, order, clipper = trials.values()
    read, truth = starts(chaos.series[:, 0], SHOWN)
    free = {method: free_run(step, read[:1], SHOWN)[0] for method, step in chaos.steps.items()}
    pictures.draw_ahead(HERE / "mackey_glass.png", read[0, :, 0], truth[0], free, errors, AHEAD)
    pictures.draw_stretch(HERE / "narma10.png", shown(order))
    pictures.draw_clipper(HERE / "diode_clipper.png", shown(clipper))


def shown(trial: Trial) -> pictures.Shown:
    """The lane with the highest input that is validated on, after its warm-up, in the units of the data."""
    rows, dataset = rows_of(trial.recordings.validating), trial.recordings.dataset
    lane = int(np.argmax(np.abs(rows.inputs).max((1, 2))))
    inputs, targets = rows.inputs[[lane]], rows.targets[lane]
    found = {method: trial.steps[method](inputs, None)[0][0] for method in METHODS[:3]}
    means, deviations = dataset.scaling.of(dataset.scaling.inputs)
    counts = rows.weights[lane, :, 0] > 0
    outputs = {method: dataset.scaling.unscale_targets(each)[counts, 0] for method, each in found.items()}
    truth = dataset.scaling.unscale_targets(targets)[counts, 0]
    return pictures.Shown((inputs[0] * deviations + means)[counts, 0], truth, outputs)


if __name__ == "__main__":
    main()
