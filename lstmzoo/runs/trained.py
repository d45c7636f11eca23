"""A trained model, read from a run directory: configuration, vocabulary or scaling, weights of its best step."""

import os
import warnings
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import load_run_config
from lstmzoo.data.scaling import Scaling, load_scaling
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError, shown
from lstmzoo.models.blueprint import Blueprint, from_list, require_finite
from lstmzoo.models.spec import Sizes
from lstmzoo.runs.checkpoint import Check, Checkpoint, whole_checkpoints
from lstmzoo.runs.contents import READ, check_model, weights_in
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.accessories import before_tensorflow
from lstmzoo.tasks.optional import has_scaling, sizes_of
from lstmzoo.zoo.pretrained import is_packed, run_path, what_was_meant

if TYPE_CHECKING:
    import tf_keras as keras


class Trained(NamedTuple):
    """Trained model of a run: the weights after its best step (lowest val_loss), or after its last one."""

    run: str
    experiment: Experiment
    symbols: Vocabulary | None
    """What the ids stand for, where they stand for something."""
    scaling: Scaling | None
    """What the numbers stand for, in a run that keeps it."""
    weights: list[np.ndarray]
    step: int
    val_loss: float | None
    """Nats a symbol at that step, where it was measured and is the best."""
    notes: list[str]
    """What its user should know, such as a damaged checkpoint that was left out."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Symbols that the ids stand for; `InputError` for a model that writes no text."""
        if self.symbols is None:
            raise _no_text(self.run, self.experiment)
        return self.symbols

    @property
    def sizes(self) -> Sizes:
        """The sizes of what goes into the model and comes out."""
        return _sizes(self.experiment, self.symbols, self.scaling)

    def blueprint(self) -> Blueprint:
        """Return the model as data, description and weights; raise `InputError` if a weight is NaN or infinity."""
        experiment = self.experiment
        blueprint = from_list(experiment.model, experiment.encoding, self.sizes, self.weights)
        require_finite(blueprint.weights)
        return blueprint

    def model(self, batch_size: int, seq_length: int | None = None) -> "keras.Model":
        """Build a stateful Keras model of B lanes with these weights."""
        blueprint = self.blueprint()._replace(batch_size=batch_size, seq_length=seq_length)
        before_tensorflow()
        from lstmzoo.models.rebuild import build

        return build(blueprint)


class _Chosen(NamedTuple):
    step: int
    checkpoint: Checkpoint
    damaged: list[str]


def open_run(run: str | os.PathLike[str], *, text: bool = False) -> Trained:
    """Read a run directory, or a trained model of the package such as "zoo:char_python"; `text`: it has to write.

    Raises `InputError` for one without a whole checkpoint, or whose files do not fit one another.
    """
    if not isinstance(run, (str, os.PathLike)):
        raise InputError(f"expected a run directory, or a name such as zoo:char_python, received {shown(run)}")
    directory = RunDirectory(run_path(run))
    if not os.path.isfile(directory.path / "config.yaml"):  # noqa: PTH113  (Path's own raises for a name too long)
        received = f"{shown(str(run), 200)}, which has no config.yaml{what_was_meant(run)}"
        raise InputError(f"expected a run directory, received {received}")
    experiment = load_run_config(directory.path / "config.yaml")
    if text and not experiment.task.writes:
        raise _no_text(os.fspath(run), experiment)
    symbols = Vocabulary.load(directory.path / "vocab.json") if experiment.task.writes else None
    scaling = load_scaling(directory.path / "scaling.json") if has_scaling(experiment.task) else None
    found = _best_checkpoint(directory, partial(_check, directory, experiment, symbols, scaling))
    tensors = found.checkpoint.tensors
    weights = [value.astype(np.float32, copy=False) for value in weights_in(tensors)]  # the package's own are float16
    notes = [f"{text}; using step {found.step}" for text in found.damaged]
    is_best = tensors.get("best/step") == found.step and not found.damaged  # the best one may be damaged
    val_loss = float(tensors["best/val_loss"]) if is_best else None
    return Trained(os.fspath(run), experiment, symbols, scaling, weights, found.step, val_loss, notes)


def open_with_warnings(run: str | os.PathLike[str], *, text: bool = False) -> Trained:
    """Open a run for a function of the API, whose caller gets as `UserWarning` what a command prints as notes."""
    trained = open_run(run, text=text)
    for note in trained.notes:
        warnings.warn(note, UserWarning, stacklevel=3)
    return trained


def load_model(run: str | os.PathLike[str], batch_size: int = 1, *, seq_length: int | None = None) -> "keras.Model":
    """Load a trained model as a stateful Keras model of B lanes, state zero: ids `[B, T]` in, logits `[B, T, V]` out.

    `run`: a run directory, or a trained model of the package such as "zoo:char_python". The weights are those after
    the best validation, or the last ones where there was none. That of a series takes scaled numbers `[B, T, D]` and
    gives scaled ones `[B, T, M]`: `predict_series` and exported files know the units. Raises `InputError` as `open_run`
    does.
    """
    return open_with_warnings(run).model(batch_size, seq_length)


def _no_text(run: str, experiment: Experiment) -> InputError:
    kind = experiment.task.kind
    return InputError(f"expected a run of a char task, received {run!r}, a run of the {kind} task")


def _check(
    directory: RunDirectory,
    experiment: Experiment,
    symbols: Vocabulary | None,
    scaling: Scaling | None,
    step: int,
    checkpoint: Checkpoint,
) -> None:
    """Raise `InputError` for a checkpoint that does not hold a model of this configuration, vocabulary and scaling."""
    for part, found in (("vocab", symbols), ("scaling", scaling)):
        if found is not None and checkpoint.metadata.get(f"{part}_sha256") != found.digest():
            what = {"vocab": "vocabulary"}.get(part, part)
            raise InputError(
                f"expected the {what} that the run was trained with, received another one in "
                f"{directory.path / f'{part}.json'}: restore the run's own file"
            )
    check_model(checkpoint, step, experiment, _sizes(experiment, symbols, scaling))


def _sizes(experiment: Experiment, symbols: Vocabulary | None, scaling: Scaling | None) -> Sizes:
    """Return the sizes of a model: those of vocabulary or scaling, or else those that its section knows."""
    if scaling is not None:
        return sizes_of(scaling)
    return sizes_of(experiment.task) if symbols is None else Sizes(len(symbols))


def _best_checkpoint(directory: RunDirectory, check: Check) -> _Chosen:
    """Choose the best step's checkpoint if there was a validation, else the last; damaged ones are left out."""
    damaged: list[str] = []
    newest: _Chosen | None = None
    for step, checkpoint in whole_checkpoints(directory.checkpoints, damaged, READ, check):
        found = _Chosen(step, checkpoint, damaged)
        newest = newest or found
        if step == newest.checkpoint.tensors.get("best/step", step):
            return found
    if newest is None:
        why = "; ".join(damaged) or "train it until one is written (checkpoint.every_steps)"
        why += " (install lstmzoo again)" if is_packed(directory.path) else ""
        raise InputError(f"expected a run with a checkpoint, received {str(directory.path)!r}, which has none: {why}")
    return newest
