"""Runs of the char task that nobody has trained: weights drawn from a seed, written without TensorFlow."""

import json

import numpy as np

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.models.blueprint import weight_shapes
from lstmzoo.models.spec import ModelSpec, Sizes
from lstmzoo.runs.checkpoint import NAME, save_checkpoint

MODEL = {"kind": "stacked_layers", "units": [9, 7]}


def write_text_run(folder, text, model=MODEL, encoding="one_hot", unit="char", lowercase=False):
    """A run directory whose vocabulary is the symbols of a text."""
    codes = set(text) if unit == "byte" else set(map(ord, text))
    symbols, draws = Vocabulary(sorted(codes), unit, lowercase), np.random.default_rng(1)
    shapes = weight_shapes(ModelSpec(**model), encoding, Sizes(len(symbols)))
    weights = {f"weights/{k:03d}": draws.normal(0, 0.9, shape).astype(np.float32) for k, shape in enumerate(shapes)}
    train = {"batch_size": 2, "seq_length": 10, "epochs": 1}
    config = {"name": "by-hand", "model": model, "train": train}
    config["task"] = {"kind": "char", "corpus": "python-stdlib", "unit": unit, "lowercase": lowercase}
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps(config))
    symbols.save(folder / "vocab.json")
    save_checkpoint(folder / "checkpoints" / NAME.format(1), weights, {"vocab_sha256": symbols.digest()})
    return folder
