"""Runs of the series task that nobody has trained: weights drawn from a seed, written without TensorFlow."""

import json

import numpy as np

from lstmzoo.data.scaling import Scaling
from lstmzoo.models.blueprint import weight_shapes
from lstmzoo.models.spec import ModelSpec, Sizes
from lstmzoo.runs.checkpoint import NAME, save_checkpoint

MODEL = {"kind": "stacked_layers", "units": [6, 5]}


def write_run(folder, inputs, targets=None, held=(), model=MODEL, **task):
    """A run directory; column k of all columns has the mean 10 k + 1 and the deviation k + 0.5."""
    targets = targets or inputs
    columns = tuple(dict.fromkeys([*inputs, *targets]))
    means, deviations = zip(*((10.0 * k + 1, k + 0.5) for k in range(len(columns))), strict=True)
    scaling = Scaling(columns, means, deviations, tuple(inputs), tuple(targets), dict.fromkeys(held, 2.0))
    sizes, draws = Sizes(input_dim=len(scaling.features), outputs=len(targets)), np.random.default_rng(1)
    shapes = weight_shapes(ModelSpec(**model), "features", sizes)
    weights = {f"weights/{k:03d}": draws.normal(0, 0.4, shape).astype(np.float32) for k, shape in enumerate(shapes)}
    train = {"batch_size": 2, "seq_length": 10, "epochs": 1}
    missing = "hold" if held else None
    section = {"kind": "series", "data": str(folder / "trained.csv"), "inputs": list(inputs), "targets": list(targets)}
    config = {"name": "by-hand", "task": {**section, "missing": missing, **task}, "model": model, "train": train}
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(config))
    scaling.save(folder / "scaling.json")
    save_checkpoint(folder / "checkpoints" / NAME.format(1), weights, {"scaling_sha256": scaling.digest()})
    return folder
