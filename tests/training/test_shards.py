"""execution.shards: lanes in parts, decided once and kept; runs from before the key go on."""

import json

import numpy as np
import pytest
import yaml

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import ConfigError
from lstmzoo.execution.auto import choose_shards
from lstmzoo.runs.checkpoint import load_checkpoint, save_checkpoint
from lstmzoo.training import describe
from lstmzoo.training.describe import describe_plan
from lstmzoo.training.progress import SilentProgress
from tests.helpers.killing import assert_same_run, assert_same_weights, metrics
from tests.helpers.places import ECHO

SETS = ["task.series_length=1500", "train.seq_length=10", "train.steps=12", "validate.every_steps=6"]
SCAN = ["execution.kernel=scan"]


def config(*overrides):
    return lstmzoo.load_config(ECHO, [*SETS, "checkpoint.every_steps=4", *overrides])


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("units", "lanes"), [(4, 16), (128, 16), (128, 40), (128, 3)])
def test_auto_is_the_rule_for_the_threads(threads, units, lanes):
    sets = [
        "task.series_length=9000",
        f"execution.threads={threads}",
        f"model.units={units}",
        f"train.batch_size={lanes}",
    ]
    plan = make_plan(config(*sets), "cpu")
    assert plan.resolved.execution.shards == choose_shards("xla", [units], lanes, threads)


@pytest.mark.parametrize(("shards", "said"), [(1, ""), (5, "5 shards of 1 lanes, "), (2, "2 shards of 2 to 3 lanes, ")])
def test_a_plan_says_how_lanes_are_cut(shards, said):
    line = describe_plan(make_plan(config(f"execution.shards={shards}"), "cpu"))["execution"]
    assert f"threads 1, {said}at most" in line


@pytest.mark.parametrize(
    ("gpus", "shards", "said"),
    [
        (1, 2, "2 shards of 2 to 3 lanes, "),
        (2, 1, "1 shard on 1 of 2 GPUs (execution.shards: 2 uses 2), "),
        (2, 2, "2 shards of 2 to 3 lanes on 2 GPUs, "),
        (2, 5, "5 shards of 1 lanes on 2 GPUs, "),
        (4, 2, "2 shards of 2 to 3 lanes on 2 of 4 GPUs (execution.shards: 4 uses 4), "),
        (8, 1, "1 shard on 1 of 8 GPUs (execution.shards: 5 uses 5), "),  # five lanes
        (8, 5, "5 shards of 1 lanes on 5 of 8 GPUs, "),
    ],
)
def test_a_plan_says_how_many_gpus_are_used(monkeypatch, gpus, shards, said):
    monkeypatch.setattr(describe, "count_gpus", lambda: gpus)
    line = describe_plan(make_plan(config(f"execution.shards={shards}"), "cpu"))["execution"]
    assert f"threads 1, {said}at most" in line


@pytest.mark.parametrize("value", ["0", "6", "1.5", "many", "true"])
def test_other_numbers_are_refused(value):
    with pytest.raises(ConfigError, match="execution.shards: expected"):
        config(f"execution.shards={value}")


class Stopping(SilentProgress):
    """Ends the process's run, as a failure of the disk would, after a step."""

    def __init__(self, step):
        self.step = step

    def show(self, moment):
        if moment.step >= self.step:
            raise OSError("it is enough")


@pytest.mark.slow
def test_a_run_keeps_its_shards_and_goes_on_exactly(tmp_path):
    """On another number of cores too: what was decided stands in config.yaml and in the checkpoint."""
    chosen = config("execution.shards=3", *SCAN)
    lstmzoo.train_run(chosen, tmp_path / "whole")
    assert yaml.safe_load((tmp_path / "whole" / "config.yaml").read_text())["execution"]["shards"] == 3
    with pytest.raises(RuntimeError, match="it is enough"):
        lstmzoo.train_run(chosen, tmp_path / "run", progress=Stopping(8))
    lstmzoo.train_run(None, tmp_path / "run", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "run")
    other = lstmzoo.load_config(tmp_path / "run" / "config.yaml", ["execution.shards=2"])
    with pytest.raises(ConfigError, match="execution.shards: expected 3 as in the run, received 2"):
        lstmzoo.train_run(other, tmp_path / "run", resume=True)


@pytest.mark.slow  # the table of kernels has shards too
def test_shards_sum_to_the_same_losses(tmp_path):
    for count in (1, 2, 5):
        lstmzoo.train_run(config(f"execution.shards={count}", *SCAN), tmp_path / str(count))
    one, *others = ([line["train_loss"] for line in metrics(tmp_path / name)] for name in "125")
    for found in others:
        np.testing.assert_allclose(found, one, atol=2e-6)


@pytest.mark.slow
def test_a_run_from_before_the_key_goes_on(tmp_path):
    """Its shards followed from its threads; neither its config.yaml nor its checkpoints hold them."""
    lstmzoo.train_run(config(*SCAN), tmp_path / "whole")
    with pytest.raises(RuntimeError, match="it is enough"):
        lstmzoo.train_run(config(*SCAN), tmp_path / "run", progress=Stopping(8))
    path = tmp_path / "run" / "config.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "shards" not in line))
    for place in (tmp_path / "run" / "checkpoints").iterdir():
        found = load_checkpoint(place)
        settings = json.loads(found.metadata["settings"])
        assert settings.pop("execution.shards") == 1
        metadata = {name: text for name, text in found.metadata.items() if name != "sha256"}
        save_checkpoint(place, found.tensors, metadata | {"settings": json.dumps(settings, sort_keys=True)})
    lstmzoo.train_run(None, tmp_path / "run", resume=True)
    assert_same_weights(tmp_path / "whole", tmp_path / "run", 12)
    assert yaml.safe_load(path.read_text())["execution"]["shards"] == 1
