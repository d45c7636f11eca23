"""train.reset_state: {probability: p}: lanes that begin windows with zero state, drawn from (seed, step)."""

import math
import shutil

import numpy as np
import pytest

import lstmzoo
from lstmzoo.config.optimizers import make_optimizer
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import ConfigError
from lstmzoo.execution.dropout import draw_resets
from lstmzoo.execution.engine import Execution
from lstmzoo.tasks.echo import entropy
from lstmzoo.training.progress import SilentProgress
from lstmzoo.training.run import Request, train
from tests.helpers.killing import assert_same_run, metrics
from tests.helpers.places import ECHO

SETS = [
    *("task.series_length=300", "train.seq_length=10", "train.epochs=2", "validate.every_steps=0", "seed=3"),
    *("checkpoint={every_steps: 1, keep: 20}", "train.reset_state={probability: 0.4}", "execution.kernel=scan"),
]


def trained(place, *overrides, config=True):
    given = lstmzoo.load_config(ECHO, [*SETS, *overrides]) if config else None
    train(Request(given, place, resume=not config, pictures=False), SilentProgress())
    return [line["train_loss"] for line in metrics(place)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run") / "run"
    return place, trained(place)


def test_the_share_of_resets_is_the_probability_and_steps_are_drawn_alike_however_they_are_cut():
    drawn = draw_resets(0, 0, 2000, 5, 0.1)
    assert drawn.shape == (2000, 5) and drawn.dtype == bool
    assert drawn.mean() == pytest.approx(0.1, abs=0.01)
    np.testing.assert_array_equal(drawn[7:9], draw_resets(0, 7, 2, 5, 0.1))


def test_a_run_trains_as_one_that_is_given_the_resets_and_each_epoch_begins_with_zeros(run):
    experiment = lstmzoo.load_config(ECHO, SETS)
    plan = make_plan(experiment, "cpu")
    sizes = {"vocab_size": 2, "encoding": "scalar", "batch_size": 5, "seed": 3}
    model = lstmzoo.build_model(experiment.model, **sizes)
    execution = Execution(model, make_optimizer(experiment.train.optimizer), "scan", seed=3)
    resets, losses = draw_resets(3, 0, 12, 5, 0.4), []
    assert 0 < resets.sum() < resets.size
    for epoch in range(2):
        lstmzoo.reset_states(model)
        windows = plan.task.epoch_lanes(epoch).cut(10, 0, 6)
        losses += [*execution.train(windows.inputs, windows.targets, resets=resets[6 * epoch : 6 * epoch + 6])]
    np.testing.assert_array_equal(run[1], [float(loss) for loss in losses])


@pytest.mark.slow
@pytest.mark.parametrize("override", ["execution.shards=3", "execution.windows_per_call=1"])
def test_shards_and_calls_change_nothing(run, override, tmp_path):
    np.testing.assert_allclose(trained(tmp_path / "run", override), run[1], rtol=1e-6)


@pytest.mark.slow
def test_a_run_that_goes_on_ends_with_the_same_bits(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "run")
    for step in range(5, 13):
        (tmp_path / "run" / "checkpoints" / f"step-{step:08d}.safetensors").unlink()
    trained(tmp_path / "run", config=False)
    assert_same_run(tmp_path / "run", run[0])


def test_the_floor_is_between_those_of_epochs_and_windows():
    floors = [
        make_plan(lstmzoo.load_config(ECHO, [*SETS, f"train.reset_state={rule}"]), "cpu").loss_floor
        for rule in ("epoch", "{probability: 0.4}", "window")
    ]
    start = entropy(0.4)  # B 5
    assert floors == pytest.approx([3 * (start + p * 5 * math.log(2)) / 60 for p in (0, 0.4, 1)])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("epohc", r"train.reset_state: expected epoch, never, window or {probability: p}, received 'epohc'"),
        ("{probability: 1}", "train.reset_state.probability: expected less than 1"),
        ("{}", "train.reset_state.probability: expected this required key"),
    ],
)
def test_what_is_no_rule_is_refused(value, message):
    with pytest.raises(ConfigError, match=message):
        lstmzoo.load_config(ECHO, [f"train.reset_state={value}"])
