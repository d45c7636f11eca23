"""A trained char model, read from a run directory: configuration, vocabulary and the weights of its best step."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstmzoo.checkpoint import NAME, checkpoint_steps, load_checkpoint
from lstmzoo.config import load_run_config
from lstmzoo.errors import InputError
from lstmzoo.experiment import Experiment
from lstmzoo.rundir import RunDirectory
from lstmzoo.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tf_keras as keras


class Trained(NamedTuple):
    """What a run has learnt: the weights after its best step (lowest val_loss), or after its last one."""

    experiment: Experiment
    vocabulary: Vocabulary
    weights: list[np.ndarray]
    step: int

    def model(self, batch_size: int) -> "keras.Model":
        """A stateful Keras model of B lanes with these weights."""
        from lstmzoo.model import build_model

        spec = self.experiment.model
        model = build_model(
            spec, vocab_size=len(self.vocabulary), encoding=self.experiment.encoding, batch_size=batch_size
        )
        model.set_weights(self.weights)
        return model


def open_run(run: str | os.PathLike[str]) -> Trained:
    """Read a run directory. `InputError` for one of another task, without a whole checkpoint, or with another
    vocabulary than its weights have."""
    directory = RunDirectory(Path(run))
    if not (directory.path / "config.yaml").is_file():
        raise InputError(f"expected a run directory, received {str(run)!r}, which has no config.yaml")
    experiment = load_run_config(directory.path / "config.yaml")
    if experiment.task.kind != "char":
        raise InputError(
            f"expected a run of a char task, received {str(run)!r}, a run of the {experiment.task.kind} task"
        )
    vocabulary = Vocabulary.load(directory.path / "vocab.json")
    step, tensors = _best_checkpoint(directory)
    names = sorted((name for name in tensors if name.startswith("weights/")), key=lambda name: int(name.split("/")[1]))
    weights = [tensors[name] for name in names]
    if len(weights[-1]) != len(vocabulary):
        raise InputError(
            f"expected a vocabulary of {len(weights[-1])} symbols, as the run's weights have, received "
            f"{directory.path / 'vocab.json'} with {len(vocabulary)}: restore the run's own file"
        )
    return Trained(experiment, vocabulary, weights, step)


def _best_checkpoint(directory: RunDirectory) -> tuple[int, dict[str, Any]]:
    """The best step's, where there was a validation, else the last; a damaged one is passed over."""
    damaged = []
    newest: tuple[int, dict[str, Any]] | None = None
    for step in reversed(checkpoint_steps(directory.checkpoints)):
        try:
            tensors = load_checkpoint(directory.checkpoints / NAME.format(step)).tensors
        except (InputError, OSError) as error:
            damaged.append(str(error))
            continue
        newest = newest or (step, tensors)
        if step == newest[1]["best/step"]:
            return step, tensors
    if newest is None:
        why = damaged[0] if damaged else "train it until a checkpoint is written (checkpoint.every_steps)"
        raise InputError(f"expected a run with a checkpoint, received {str(directory.path)!r}, which has none: {why}")
    return newest
