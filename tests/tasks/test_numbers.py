"""A task of numbers, that of tests/foreign: what a validation reports, against NumPy."""

import math

import numpy as np
import tf_keras as keras

import lstmzoo
from lstmzoo.execution.engine import Execution
from lstmzoo.tasks.echo import Echo, EchoSpec
from lstmzoo.tasks.losses import huber
from lstmzoo.tasks.optional import completed, sizes_of, words_of
from lstmzoo.tasks.registry import TASKS
from lstmzoo.tasks.task import SYMBOLS
from lstmzoo.training.validation import Validator
from tests.foreign.foreign.drift import Drift, DriftSpec


def test_a_validation_of_numbers_counts_each_target_once_by_its_weight():
    task = completed(Drift)(DriftSpec(kind="drift", rows=1003, loss="huber"), 3, seed=0, fraction=0.2)
    model = lstmzoo.build_model({"units": 4, "skip": True}, encoding="features", batch_size=3, input_dim=2, outputs=1)
    execution = Execution(model, keras.optimizers.SGD(0.1), "scan", loss=task.loss)
    execution.prepare(task.epoch_lanes(0).cut(7, 0, 1), carry=True)
    validator = Validator(task, execution, seq_length=7, windows_per_call=4)
    found = validator.measure()
    (inputs, targets, _), weights = task.validation()
    assert inputs.shape[1] % 7 and not weights.all()
    errors = (np.asarray(model(inputs.astype("float32"))) - targets)[weights > 0]
    np.testing.assert_allclose(found["val_loss"], huber(errors).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["val_rmse"], math.sqrt((errors * errors).mean()), rtol=1e-5)
    assert validator.view is None  # it names no picture


def test_a_task_says_what_others_need_to_know_of_it():
    section = DriftSpec(kind="drift")
    task = completed(Drift)(section, 2, 0)
    assert tuple(sizes_of(section)) == tuple(sizes_of(task)) == (None, 2, 1)
    assert (sizes_of(task).head, task.first_loss(), words_of(section).steps, task.loss) == (1, 1.0, "rows", "mse")
    echo = TASKS["echo"](EchoSpec(kind="echo"), 2, 0)
    assert (tuple(sizes_of(echo)), echo.first_loss(), echo.loss) == ((2, None, None), math.log(2), "cross_entropy")
    assert words_of(EchoSpec(kind="echo")) is SYMBOLS
    assert Echo.metrics(echo, {"loss": 6.0, "hits": 1.0, "weight": 4.0}) == {"val_loss": 1.5, "val_accuracy": 0.25}
