"""Contents of a checkpoint: what must stand behind a right digest before anything of it is used. No TensorFlow.

A digest tells that a file is as it was written, not that a run wrote it.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.optimizers import slot_shapes
from lstmzoo.config.plan import Plan
from lstmzoo.errors import InputError
from lstmzoo.models.blueprint import weight_shapes
from lstmzoo.models.spec import Sizes
from lstmzoo.runs.checkpoint import Checkpoint, Damaged
from lstmzoo.tasks.optional import sizes_of

Kind = tuple[str, tuple[int, ...]]  # dtype and shape
COUNTERS: dict[str, Kind] = {
    "position": ("int64", (3,)),
    "best/step": ("int64", ()),
    "best/val_loss": ("float64", ()),
    "early_stopping/misses": ("int64", ()),
    "epoch/loss": ("float64", ()),
    "epoch/steps": ("int64", ()),
}
AVERAGED = "average/steps"  # with train.average: a counter, and the weights that training goes on with
TRAINED = "trained"
READ = ("weights/", "position", "best/")  # by who needs the model alone: optimizer slots are twice as large as it


def check_model(checkpoint: Checkpoint, step: int, experiment: Experiment, sizes: Sizes) -> None:
    """Raise `Damaged` for the `READ` parts of a checkpoint if no run has them after `step`.

    Weights may be in float16, and the counters may lack, as in the trained models of the package. Raises another
    `InputError` for weights whose shapes are not those of this experiment.
    """
    expected = _numbered("weights", weight_shapes(experiment.model, experiment.encoding, sizes))
    tensors = checkpoint.tensors
    wide = {name: value.astype(np.float32) if value.dtype == np.float16 else value for name, value in tensors.items()}
    weights = [value.shape for value in weights_in(wide)]
    if weights != [shape for _, shape in expected.values()]:
        raise InputError(
            "expected weights of the model in the run's config.yaml, received others in the checkpoint of step "
            f"{step}: restore the run's own config.yaml"
        )
    best = {name for name in COUNTERS if name.startswith("best/")}
    there = tensors.keys() | best if tensors.keys() & best else tensors.keys()
    _check_kinds(wide, expected | {name: kind for name, kind in COUNTERS.items() if name in there})
    _check_step(wide, step)


def check_contents(checkpoint: Checkpoint, step: int, plan: Plan) -> None:
    """Raise `Damaged` for a checkpoint that holds what no run of this plan has after `step`.

    Names, dtypes and shapes are those of its model and optimizer, all numbers are finite, and the counters are those of
    this step.
    """
    experiment = plan.resolved
    shapes = weight_shapes(experiment.model, experiment.encoding, sizes_of(plan.task))
    slots = slot_shapes(experiment.train.optimizer, shapes)
    expected = _numbered("weights", shapes) | {"optimizer/000": ("int64", ())} | _numbered("optimizer", slots, 1)
    for layer, units in enumerate(experiment.model.layers):
        state = "float32", (experiment.train.batch_size, units)
        expected |= {f"states/{layer:03d}/h": state, f"states/{layer:03d}/c": state}
    if experiment.train.average is not None:
        expected |= _numbered(TRAINED, shapes) | {AVERAGED: ("int64", ())}
    _check_kinds(checkpoint.tensors, expected | COUNTERS)
    _check_step(checkpoint.tensors, step)
    _check_counters(checkpoint.tensors, step, plan.windows)


def weights_in(tensors: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the weights of a checkpoint in the order of their numbers: weights/000, ..., weights/999, weights/1000."""
    names = sorted((name for name in tensors if name.startswith("weights/")), key=lambda name: (len(name), name))
    return [tensors[name] for name in names]


def _numbered(part: str, shapes: Sequence[tuple[int, ...]], first: int = 0) -> dict[str, Kind]:
    return {f"{part}/{number:03d}": ("float32", shape) for number, shape in enumerate(shapes, first)}


def _check_kinds(tensors: Mapping[str, np.ndarray], expected: Mapping[str, Kind]) -> None:
    received: dict[str, Kind] = {name: (value.dtype.name, value.shape) for name, value in tensors.items()}
    for name in (*expected, *received):
        if received.get(name) != expected.get(name):
            wanted, found = (_in_words(kinds.get(name)) for kinds in (expected, received))
            raise Damaged(f"{name[:60]!r}: expected {wanted}, received {found}")
        if not np.isfinite(tensors[name]).all():
            raise Damaged(f"{name}: expected finite numbers, received others")


def _in_words(kind: Kind | None) -> str:
    return "nothing" if kind is None else f"{kind[0]} {list(kind[1])}"


def _check_step(tensors: Mapping[str, np.ndarray], step: int) -> None:
    """Check that position and best are of a run that has done `step` steps."""
    if "position" in tensors:
        _expect("position", int(tensors["position"][0]), step, step)
    if "best/step" in tensors:
        _expect("best/step", int(tensors["best/step"]), -1, step)


def _check_counters(tensors: Mapping[str, np.ndarray], step: int, windows: int) -> None:
    epoch, window = divmod(step, windows)
    _expect("the epoch of position", int(tensors["position"][1]), epoch, epoch)
    _expect("the window of position", int(tensors["position"][2]), window, window)
    _expect("epoch/steps", int(tensors["epoch/steps"]), 0, window or windows)
    _expect("optimizer/000", int(tensors["optimizer/000"]), step, step)
    _expect(AVERAGED, int(tensors.get(AVERAGED, 0)), 0, step)
    _expect("early_stopping/misses", int(tensors["early_stopping/misses"]), 0, step)


def _expect(name: str, received: int, least: int, most: int) -> None:
    if not least <= received <= most:
        wanted = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        raise Damaged(f"{name}: expected {wanted}, received {received:,}")
