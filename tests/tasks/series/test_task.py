"""The series task of a run: what it writes, against tables read by NumPy; laws of resume; damaged scaling."""

import json

import numpy as np
import pytest

import lstmzoo
from lstmzoo.config.load import load_config
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import InputError
from lstmzoo.models.state import reset_states
from lstmzoo.runs.trained import open_run
from tests.helpers.pumps import write_config


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with two targets, and its result."""
    folder = tmp_path_factory.mktemp("pumps")
    config = write_config(folder, targets="[load, flow]", more=", loss_weights: [2, 1]")
    return folder, lstmzoo.train_run(config, folder / "run")


SAME = ["train.batch_size=1", "train.seq_length=20", "train.optimizer={name: adam, learning_rate: 0.01}"]


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_says_what_it_found_of_each_target_and_what_it_must_beat(finished):
    folder, result = finished
    validated = [line for line in lines(folder / "run") if "val_loss" in line]
    last, best = validated[-1], min(validated, key=lambda line: line["val_loss"])
    measures = ("val_rmse", "val_mae", "val_r2")
    assert {key: result["final"][key] for key in ("val_loss", *measures)} == {key: last[key] for key in ("val_loss", *measures)}  # fmt: skip
    assert result["best"] == {key: best[key] for key in ("step", "val_loss", *measures)}
    each = result["final"]["targets"]
    assert list(each) == ["load", "flow"] and all(list(found) == list(measures) for found in each.values())
    for key in measures:
        assert np.mean([found[key] for found in each.values()]) == pytest.approx(last[key], rel=1e-12)
        assert each["flow"][key] == last[f"{key}/flow"]
    assert list(result["baselines"]) == ["persistence", "mean"] and result["counted"] == "rows"
    for found in result["baselines"].values():
        assert set(found) == {"val_loss", *measures, "targets"} and set(found["targets"]) == {"load", "flow"}


def test_the_metrics_of_a_run_are_those_of_its_model_on_the_rows_of_its_tables(finished):
    """Scaling, warm-up, missing targets and pieces walked row by row, through the Keras model."""
    folder, _ = finished
    trained = open_run(folder / "run")
    experiment = load_config(folder / "run" / "config.yaml")
    task, scaling = make_plan(experiment).task, trained.scaling
    assert scaling == task.scaling and scaling.features == ("flow", "heat", "flow missing", "heat missing")
    model, layout = trained.model(batch_size=1), task.recordings.validating.layout
    errors, truths = [], []
    for segment, row, rows in zip(*map(np.ndarray.tolist, layout.pieces[2:]), strict=True):
        place = task.dataset.validating[segment]
        raw = task.dataset.tables[place.table].read(("flow", "heat", "load"), 0, place.first + place.rows)
        known = raw.copy()
        for at in range(len(known)):
            known[at] = np.where(np.isnan(raw[at]), known[at - 1] if at else [*scaling.first(), np.nan], raw[at])
        first = place.first + row
        x = scaling.scale_inputs(raw[first : first + rows, :2], known[first : first + rows, :2])
        reset_states(model)
        found = scaling.unscale_targets(model.predict(x[None], verbose=0)[0])
        for at in range(4, min(rows, place.rows - row - 1)):  # after the warm-up, where a next row is
            truth = raw[first + at + 1, [2, 0]]
            errors.append(found[at] - truth)
            truths.append(truth)
    errors, truths = np.array(errors), np.array(truths)
    best = json.loads((folder / "run" / "result.json").read_text())["best"]
    assert best["val_rmse"] == pytest.approx(np.sqrt(np.nanmean(errors**2, 0)).mean(), rel=2e-5)
    assert best["val_mae"] == pytest.approx(np.nanmean(np.abs(errors), 0).mean(), rel=2e-5)
    r2 = 1 - np.nansum(errors**2, 0) / np.nansum((truths - np.nanmean(np.where(np.isnan(errors), np.nan, truths), 0)) ** 2, 0)  # fmt: skip
    assert best["val_r2"] == pytest.approx(r2.mean(), rel=1e-4)


def test_the_picture_of_a_run_says_where_in_its_tables_a_stretch_lies(finished):
    folder, _ = finished
    assert {path.name for path in (folder / "run" / "plots").iterdir()} == {"loss.png", "series.png"}
    task = make_plan(load_config(folder / "run" / "config.yaml")).task
    label, numbers = task.picture()[1:]
    assert label == "rows; the target stands 1 row ahead"
    assert numbers.baselines["mean"]["flow"] == task.baselines.mean.targets["flow"]["val_rmse"]
    part = task.recordings.validating
    targets, weights = (np.concatenate(list(part.windows(0, part.layout.windows)[place]), axis=1) for place in (1, 2))
    tables = {name: np.genfromtxt(folder / name, delimiter=",", skip_header=1)[:, 2] for name in ("a.csv", "b.csv")}
    for lane, step in np.argwhere(weights[..., 0] > 0).tolist():
        name, row = numbers.where(lane, step).split(", row ")
        value = task.scaling.unscale_targets(targets[lane, step])[0]
        assert tables[name][int(row) - 1] == pytest.approx(value, rel=1e-5)


@pytest.mark.slow
def test_a_run_that_is_cut_in_two_is_the_same_run(finished, tmp_path):
    folder, result = finished
    config = load_config(folder / "pumps.yaml", ["train={epochs: 2}", "train.batch_size=3", "train.seq_length=20", "train.optimizer={name: adam, learning_rate: 0.01}"])  # fmt: skip
    lstmzoo.train_run(config, tmp_path / "run")
    again = lstmzoo.train_run(folder / "pumps.yaml", tmp_path / "run", resume=True)
    for key in ("final", "best", "baselines", "steps", "epochs"):
        assert again[key] == result[key], key
    assert (tmp_path / "run" / "scaling.json").read_bytes() == (folder / "run" / "scaling.json").read_bytes()
    assert lstmzoo.train_run(None, tmp_path / "run", resume=True)["best"] == result["best"]  # nothing to do


def test_other_tables_or_another_scaling_are_refused(tmp_path):
    config = write_config(tmp_path)
    lstmzoo.train_run(load_config(config, ["train.epochs=1"]), tmp_path / "run")
    scaling = tmp_path / "run" / "scaling.json"
    kept = scaling.read_text()
    scaling.write_text(kept.replace('"deviations": [\n  ', '"deviations": [\n  1'))
    with pytest.raises(
        InputError, match=r"expected the scaling that the run was trained with, received another one in"
    ):
        lstmzoo.load_model(tmp_path / "run")
    with pytest.raises(InputError, match=r"scaling.json: expected the scaling that the run was trained with"):
        lstmzoo.train_run(config, tmp_path / "run", resume=True)
    scaling.write_text(kept)
    table = tmp_path / "b.csv"
    table.write_text(table.read_text() + "1,2,3,1\n")
    with pytest.raises(InputError, match=r"task.data: expected the same tables that the run was trained with"):
        lstmzoo.train_run(config, tmp_path / "run", resume=True)


@pytest.mark.slow
def test_a_step_whose_targets_do_not_count_has_no_loss(tmp_path):
    """Two windows of warm-up in each epoch, which are in no mean; also where the run was cut in their midst."""
    config = write_config(tmp_path)
    sets = ["train.batch_size=1", "train.epochs=2", "task.data=" + str(tmp_path / "a.csv"), "task.warmup=40", "checkpoint.every_steps=1"]  # fmt: skip
    result = lstmzoo.train_run(load_config(config, sets), tmp_path / "run")
    found, windows = lines(tmp_path / "run"), result["steps"] // 2
    lacking = [line["step"] for line in found if "train_loss" not in line]
    assert lacking == [1, 2, windows + 1, windows + 2]
    assert result["final"]["epoch_train_loss"] == pytest.approx(
        np.mean([line["train_loss"] for line in found[windows + 2 :]]), rel=1e-12
    )
    lstmzoo.train_run(load_config(config, [*sets, f"train={{steps: {windows + 1}}}", *SAME]), tmp_path / "cut")
    cut = json.loads((tmp_path / "cut" / "result.json").read_text())["final"]
    assert cut["train_loss"] == found[windows - 1]["train_loss"] and cut["epoch_train_loss"] is None
    again = lstmzoo.train_run(load_config(config, [*sets, f"train={{steps: {2 * windows}}}", *SAME]), tmp_path / "cut", resume=True)  # fmt: skip
    assert again["final"] == result["final"] and lines(tmp_path / "cut")[-1]["train_loss"] == found[-1]["train_loss"]
