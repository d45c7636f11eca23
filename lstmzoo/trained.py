"""A trained char model, read from a run directory: configuration, vocabulary and the weights of its best step."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lstmzoo.checkpoint import Checkpoint, whole_checkpoints
from lstmzoo.config import load_run_config
from lstmzoo.errors import InputError
from lstmzoo.experiment import Experiment
from lstmzoo.rundir import RunDirectory
from lstmzoo.strict_yaml import shown
from lstmzoo.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tf_keras as keras


class Trained(NamedTuple):
    """What a run has learnt: the weights after its best step (lowest val_loss), or after its last one."""

    experiment: Experiment
    vocabulary: Vocabulary
    weights: list[np.ndarray]
    step: int
    notes: list[str]
    """What its user should know, such as a damaged checkpoint that was passed over."""

    def model(self, batch_size: int) -> "keras.Model":
        """A stateful Keras model of B lanes with these weights."""
        from lstmzoo.model import build_model

        spec, size = self.experiment.model, len(self.vocabulary)
        model = build_model(spec, vocab_size=size, encoding=self.experiment.encoding, batch_size=batch_size)
        try:
            model.set_weights(self.weights)
        except ValueError as error:
            raise InputError(
                f"expected weights of the model in the run's config.yaml, received others in the checkpoint of step "
                f"{self.step}: restore the run's own config.yaml"
            ) from error
        return model


class _Found(NamedTuple):
    step: int
    checkpoint: Checkpoint
    damaged: list[str]


def open_run(run: str | os.PathLike[str]) -> Trained:
    """Read a run directory.

    Raises `InputError` for one of another task, without a whole checkpoint, or whose files do not fit one another.
    """
    if str(run).startswith("zoo:"):
        raise InputError(f"expected a run directory, received {str(run)!r}: no model comes trained with this version")
    directory = RunDirectory(Path(run))
    if not os.path.isfile(directory.path / "config.yaml"):  # noqa: PTH113  (Path's own raises for a name too long)
        raise InputError(f"expected a run directory, received {shown(str(run), 200)}, which has no config.yaml")
    experiment = load_run_config(directory.path / "config.yaml")
    if experiment.task.kind != "char":
        kind = experiment.task.kind
        raise InputError(f"expected a run of a char task, received {str(run)!r}, a run of the {kind} task")
    vocabulary = Vocabulary.load(directory.path / "vocab.json")
    found = _best_checkpoint(directory)
    if found.checkpoint.metadata.get("vocab_sha256") != vocabulary.digest():
        raise InputError(
            f"expected the vocabulary that the run was trained with, received another one in "
            f"{directory.path / 'vocab.json'}: restore the run's own file"
        )
    tensors = found.checkpoint.tensors
    names = sorted((name for name in tensors if name.startswith("weights/")), key=lambda name: int(name.split("/")[1]))
    notes = [f"{text}; using step {found.step}" for text in found.damaged]
    return Trained(experiment, vocabulary, [tensors[name] for name in names], found.step, notes)


def _best_checkpoint(directory: RunDirectory) -> _Found:
    """The best step's, where there was a validation, else the last; a damaged one is passed over."""
    damaged: list[str] = []
    newest: _Found | None = None
    for step, checkpoint in whole_checkpoints(directory.checkpoints, damaged):
        found = _Found(step, checkpoint, damaged)
        newest = newest or found
        if step == newest.checkpoint.tensors.get("best/step", step):
            return found
    if newest is None:
        why = "; ".join(damaged) or "train it until one is written (checkpoint.every_steps)"
        raise InputError(f"expected a run with a checkpoint, received {str(directory.path)!r}, which has none: {why}")
    return newest
