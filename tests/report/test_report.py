"""Runs beside one another: every number is that of result.json and metrics.jsonl, whatever state the runs are in."""

import csv
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lstmzoo
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.report.comparison import compare, shortest_ends
from lstmzoo.report.curves import moving_mean
from lstmzoo.report.tables import WIDTH, terminal_text
from lstmzoo.runs.curve import GROUPS, Curve
from tests.helpers.places import ECHO

SHORT = ["train.steps=60", "validate.every_steps=20", "checkpoint.every_steps=0", "execution.kernel=keras"]
FILES = {"report.md", "report.csv", "curves.png"}


def train(directory, *overrides):
    directory.parent.mkdir(exist_ok=True)
    lstmzoo.train_run(lstmzoo.load_config(ECHO, [*SHORT, *overrides]), directory)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A sweep of two trials, one that has not begun and something else, and a run of another optimizer beside it."""
    home = tmp_path_factory.mktemp("home")
    train(home / "sweep" / "trial-0000")
    train(home / "sweep" / "trial-0001.1", "seed=1", "model.units=[3]", "train.optimizer.learning_rate=0.1")
    train(home / "a|b", "train.optimizer={name: adam, learning_rate: 0.01}")
    (home / "sweep" / "trial-0002").mkdir()
    (home / "sweep" / "trial-best").mkdir()
    (home / "sweep" / "leaderboard.csv").write_text("trial,status\n")
    return home


@pytest.fixture
def copy(home, tmp_path):
    """A run to spoil."""
    return Path(shutil.copytree(home / "sweep" / "trial-0000", tmp_path / "copy"))


def result_of(run):
    return json.loads((run / "result.json").read_text())


def lines_of(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def table_of(out):
    with (out / "report.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_numbers_are_those_of_the_runs(home, tmp_path):
    rows = lstmzoo.write_report([home / "sweep", home / "a|b", home / "sweep" / "trial-0000"], tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    found = table_of(tmp_path / "out")
    runs = {"trial-0000": home / "sweep" / "trial-0000", "trial-0001.1": home / "sweep" / "trial-0001.1", "a|b": home / "a|b"}  # fmt: skip
    assert sorted(runs) == sorted(row["run"] for row in found)
    assert [float(row["best_val_loss"]) for row in found] == sorted(row["best_val_loss"] for row in rows)
    for row, given in zip(found, rows, strict=True):
        result, lines = result_of(runs[row["run"]]), lines_of(runs[row["run"]])
        assert row["status"] == result["status"] == "completed"
        for name in ("steps", "epochs", "parameters", "train_seconds", "symbols_per_second"):
            assert float(row[name]) == given[name] == result[name]
        for name in ("train_loss", "val_loss", "val_accuracy"):
            assert float(row[f"final_{name}"]) == given[f"final_{name}"] == result["final"][name] == lines[-1][name]
        best = min((line for line in lines if "val_loss" in line), key=lambda line: line["val_loss"])
        assert (int(row["best_step"]), float(row["best_val_loss"])) == (best["step"], best["val_loss"])


def test_what_differs_has_a_column_and_nothing_else(home, tmp_path):
    lstmzoo.write_report(home / "sweep", tmp_path)
    first, second = sorted(table_of(tmp_path), key=lambda row: row["run"])
    settings = [name for name in first if "." in name or name in ("name", "seed")]
    assert settings == ["seed", "model.units", "train.optimizer.learning_rate"]
    assert [first[name] for name in settings] == ["0", "[4]", "0.3"]
    assert [second[name] for name in settings] == ["1", "[3]", "0.1"]
    page = (tmp_path / "report.md").read_text()
    assert "| run | model.units | train.optimizer.learning_rate | seed | best val_loss | at step |" in page
    assert "- task: kind echo, series_length 50000, echo_step 3" in page
    assert "optimizer.name adagrad" in page and "![training and validation losses by step](curves.png)" in page


def test_an_argument_of_one_optimizer_stands_in_the_csv_only(home, tmp_path):
    lstmzoo.write_report([home / "a|b", home / "sweep" / "trial-0000"], tmp_path)
    rows = {row["run"]: row for row in table_of(tmp_path)}
    assert rows["a|b"]["train.optimizer.beta_1"] == "0.9" and rows["trial-0000"]["train.optimizer.beta_1"] == ""
    assert compare([home / "a|b", home / "sweep" / "trial-0000"]).telling() == [
        "train.optimizer.name",
        "train.optimizer.learning_rate",
    ]


def test_a_page_is_safe_with_any_name_and_has_no_absolute_path(home, tmp_path):
    name = "x|y\n`$z$\x1b[31m"
    shutil.copytree(home / "a|b", tmp_path / name)
    lstmzoo.write_report([home / "a|b", tmp_path / name], tmp_path / "out")
    page = (tmp_path / "out" / "report.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 4 and len({row.replace("\\|", "").count("|") for row in rows}) == 1
    assert "| a\\|b |" in page and "| x\\|y\\\\n\\`$z$\\\\x1b[31m |" in page
    for text in (page, (tmp_path / "out" / "report.csv").read_text()):
        assert str(tmp_path) not in text and str(home) not in text and "\x1b" not in text


@pytest.mark.parametrize("name", sorted(FILES))
def test_no_file_of_a_report_is_elsewhere(home, tmp_path, name):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / "mine")
    with pytest.raises(
        InputError, match=f"report: expected .*{name} to be a file of its own, received a symbolic link"
    ):
        lstmzoo.write_report(home / "a|b", tmp_path / "out")
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_shortest_ends_tell_paths_apart():
    given = ["x/s1/echo", "x/s2/echo", "x/char", "s2/echo"]
    ends = shortest_ends([tuple(path.split("/")) for path in given])
    assert ["/".join(end) for end in ends] == ["s1/echo", "x/s2/echo", "char", "s2/echo"]


def test_a_run_that_goes_on_is_told_by_its_lines(copy, tmp_path):
    expected = result_of(copy)
    (copy / "result.json").unlink()
    last = lines_of(copy)[-1]
    with (copy / "metrics.jsonl").open("a") as file:
        file.write('{"step": 61, "train_lo')
    (row,) = lstmzoo.write_report(copy, tmp_path / "out")
    assert row["status"] == "running or killed" and row["epochs"] is None
    assert row["train_seconds"] == last["elapsed_seconds"] == expected["train_seconds"]
    for name in ("steps", "parameters", "symbols_per_second"):
        assert row[name] == expected[name]
    assert (row["best_step"], row["best_val_loss"]) == tuple(expected["best"].values())
    assert row["final_train_loss"] == expected["final"]["train_loss"]
    assert "| status |" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize("files", [[], ["metrics.jsonl"], ["metrics.jsonl", "environment.json"]])
def test_a_run_without_a_validation_comes_last(home, copy, files):
    for name in ("result.json", *files):
        (copy / name).unlink()
    if not files:
        (copy / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines_of(home / "a|b")[:5]))
    rows = compare([copy, home / "a|b"]).rows()
    assert [row["run"] for row in rows] == ["a|b", "copy"]
    assert rows[1]["steps"] == (0 if files else 5) and rows[1]["best_val_loss"] is None


def test_a_text_is_told_by_its_digest_and_gives_the_parameters(tmp_path):
    for name, digest, size in (("first", "ab" * 32, 11), ("second", "cd" * 32, 12)):
        (tmp_path / name).mkdir()
        config = f"task: {{kind: char, text: /gone/{name}.txt}}\nmodel: {{units: 8}}\ntrain: {{steps: 5}}\n"
        (tmp_path / name / "config.yaml").write_text(config)
        facts = {"text_sha256": digest, "text_symbols": 100, "vocab_size": size}
        (tmp_path / name / "environment.json").write_text(json.dumps({"data": facts}))
    comparison = compare(tmp_path / name for name in ("first", "second"))
    assert [run.numbers["parameters"] for run in comparison.runs] == [4 * 8 * (n + 9) + n * 9 for n in (11, 12)]
    assert comparison.telling() == ["task.text", "task.text_sha256"]
    assert [run.settings["task.text"] for run in comparison.runs] == ["first.txt", "second.txt"]
    assert "abababababab " in terminal_text(comparison) and "gone" not in repr(comparison)


def test_runs_of_a_series_show_their_measures_their_tables_and_what_they_must_beat(tmp_path):
    """One is completed, one goes on; D is 3 (a column more says what is missing), M is 2."""
    measured = {"val_loss": 0.25, "val_rmse": 3.0, "val_mae": 2.0, "val_r2": 0.75}
    later = {**measured, "val_loss": 0.5, "val_rmse": 4.0, "val_r2": 0.5}
    config = "task: {{kind: series, data: [/gone/{0}.csv, {{dry: /gone/dry.wav, wet: /gone/wet.wav}}], targets: [a, b]}}\nmodel: {{units: 8}}\ntrain: {{steps: 2}}\n"
    scaling = {"columns": ["a", "b"], "means": [0, 0], "deviations": [1, 1], "inputs": ["a", "b"], "targets": ["a", "b"], "held": {"a": 0}}  # fmt: skip
    for name, digest, by in (("one", "ab" * 32, 1.0), ("two", "cd" * 32, 2.0)):
        lines = [{"step": step, "epoch": 1, "train_loss": 1.0, "learning_rate": 0.1} | {key: value * by for key, value in found.items()} for step, found in ((1, measured), (2, later))]  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(config.format(name))
        (tmp_path / name / "environment.json").write_text(json.dumps({"data": {"data_sha256": digest, "rows": 100}}))
        (tmp_path / name / "scaling.json").write_text(json.dumps(scaling))
        (tmp_path / name / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    result = {"status": "completed", "steps": 2, "epochs": 2, "parameters": 402, "best": {"step": 1, **measured}, "final": {"train_loss": 1.0, **later}, "baselines": {"persistence": {"val_rmse": 5.5, "val_r2": 0.1, "targets": {}}}, "train_seconds": 1.0, "symbols_per_second": 9.0}  # fmt: skip
    (tmp_path / "one" / "result.json").write_text(json.dumps(result))
    comparison = compare([tmp_path / "two", tmp_path / "one"])
    one, two = comparison.runs
    assert [run.numbers["parameters"] for run in comparison.runs] == [402, 4 * 8 * (8 + 3 + 1) + 2 * 9]
    assert (one.numbers["best_val_rmse"], two.numbers["best_val_rmse"], two.numbers["best_val_r2"]) == (3.0, 6.0, 1.5)
    assert one.numbers["persistence_val_rmse"] == 5.5 and one.numbers["final_val_rmse"] == 4.0
    assert comparison.telling() == ["task.data", "task.data_sha256"]
    assert [run.settings["task.data"] for run in comparison.runs] == [f"{name}.csv, dry.wav + wet.wav" for name in ("one", "two")]  # fmt: skip
    assert "task.validation" in one.settings and "gone" not in repr(comparison)
    head = terminal_text(comparison).splitlines()[0]
    assert re.search(r"  val_loss  val_rmse  val_r2  at step  train_loss  steps  time$", head)
    rows = lstmzoo.write_report([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    assert "| best val_loss | best val_rmse | best val_r2 | at step |" in (tmp_path / "out" / "report.md").read_text()
    assert rows[0]["best_val_r2"] == 0.75 and float(table_of(tmp_path / "out")[0]["persistence_val_r2"]) == 0.1


@pytest.mark.parametrize("status", ["diverged", "interrupted", "stopped_early"])
def test_any_end_is_a_status(home, copy, status):
    (copy / "result.json").write_text(json.dumps(result_of(copy) | {"status": status}))
    rows = compare([copy, home / "a|b"]).rows()
    assert {row["run"]: row["status"] for row in rows} == {"copy": status, "a|b": "completed"}


DAMAGE = [
    ("metrics.jsonl", b'{"step": 1, "epoch": 1, "train_loss": 0.5, "learning_rate": 0.1}\nnonsense\n', "expected a line for each step, received a line that is not JSON: restore"),
    ("metrics.jsonl", b'{"step": 2, "epoch": 1, "train_loss": 0.5, "learning_rate": 0.1}\n', "received another line in the place of step 1"),
    ("metrics.jsonl", b'{"step": 1, "epoch": 1, "train_loss": 0.5, "learning_rate": 0.1, "val_loss": "low"}\n', "received 'low' as val_loss of step 1"),
    ("metrics.jsonl", b'{"step": 1, "epoch": 1, "train_loss": 0.5, "learning_rate": 0.1}\n', "expected the lines of steps 1 to 60, received 1 of them: restore"),
    ("metrics.jsonl", b"\0" * 200_000, "received text without a line end after step 0"),
    ("result.json", b"{", "received .*result.json, which is not JSON"),
    ("result.json", b'{"status": "completed"}', "which has no steps of the right type: restore"),
    ("environment.json", b"[]", "expected a run's environment.json, received .* which is not a mapping"),
    ("config.yaml", b"task: 3\n", "config.yaml:1: task: expected"),
]  # fmt: skip


@pytest.mark.parametrize("name, content, message", DAMAGE)
def test_a_damaged_file_is_one_clear_message(copy, tmp_path, name, content, message):
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        lstmzoo.write_report(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_is_named(home, tmp_path):
    (tmp_path / "trial-0000").mkdir()
    with pytest.raises(
        InputError, match=r"received '.*', which has neither a config.yaml nor a trial that has started"
    ):
        lstmzoo.write_report([home / "a|b", tmp_path], tmp_path / "out")
    with pytest.raises(InputError, match="received 'nowhere', which is no directory"):
        lstmzoo.write_report("nowhere", tmp_path / "out")
    with pytest.raises(InputError, match="expected a run directory or more, received none"):
        lstmzoo.write_report([], tmp_path / "out")


def test_only_the_reports_own_files_are_replaced(home, tmp_path):
    for name in ("report.md", "report.csv", "curves.png", "mine.txt"):
        (tmp_path / name).write_text("old")
    lstmzoo.write_report(home / "a|b", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"mine.txt"}
    assert [path.name for path in tmp_path.iterdir() if path.read_bytes() == b"old"] == ["mine.txt"]
    with pytest.raises(
        InputError, match=r"expected a directory that can be written, received .*mine.txt \(File exists"
    ):
        lstmzoo.write_report(home / "a|b", tmp_path / "mine.txt")


def test_a_full_disk_is_a_fault_of_the_system(home, tmp_path, monkeypatch):
    def fail(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lstmzoo.report.figures.write_atomically", fail)
    with pytest.raises(EnvironmentFailure, match=r"cannot be written \(No space left on device\): make room"):
        lstmzoo.write_report(home / "a|b", tmp_path)


def test_a_picture_that_cannot_be_drawn_is_left_out_of_the_page(home, tmp_path, monkeypatch, caplog):
    (tmp_path / "curves.png").write_text("an older one")
    monkeypatch.setattr("lstmzoo.report.curves.moving_mean", lambda *_: (_ for _ in ()).throw(ValueError("no room")))
    assert len(lstmzoo.write_report(home / "a|b", tmp_path)) == 1
    assert [record.message for record in caplog.records] == ["warning: pictures are left out (ValueError: no room)"]
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"curves.png"}
    assert "curves.png" not in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("count", [1, 10, 60])
def test_any_number_of_runs_makes_a_picture_and_a_table(copy, tmp_path, count):
    for number in range(1, count):
        shutil.copytree(
            copy, tmp_path / f"_a-run-with-a-rather-long-name-$_{number}$", ignore=shutil.ignore_patterns("[pt]*")
        )
    runs = [copy, *tmp_path.glob("_a-*")]
    assert len(lstmzoo.write_report(runs, tmp_path / "out")) == count
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    lines = terminal_text(compare(runs)).splitlines()
    assert max(map(len, lines)) <= WIDTH and len(lines) == (1 + count if count <= 40 else 42)


def test_a_long_run_is_read_in_little_time(copy):
    (copy / "result.json").unlink()
    with (copy / "metrics.jsonl").open("w") as file:
        for step in range(1, 100_001):
            file.write(f'{{"step": {step}, "epoch": 1, "train_loss": {1 / step!r}, "learning_rate": 0.3}}\n')
    start = time.perf_counter()
    (run,) = compare([copy]).runs
    assert time.perf_counter() - start < 5  # 0.6 s
    assert run.numbers["steps"] == 100_000 and run.numbers["final_train_loss"] == 1 / 100_000
    assert len(run.curve.drawn()[0]) <= GROUPS


def test_a_short_runs_curve_is_its_own_losses_averaged_around_each_step():
    losses = np.random.default_rng(0).random(500) + 0.1
    curve = Curve(0.0)
    for step, loss in enumerate(losses, 1):
        curve.add({"step": step, "train_loss": loss})
    np.testing.assert_allclose(moving_mean(curve, 1)[1], losses, rtol=1e-9)
    steps, smoothed = moving_mean(curve, 20)
    np.testing.assert_array_equal(steps, np.arange(1, 501))
    wanted = [np.exp(np.log(losses[max(0, k - 10) : k + 11]).mean()) for k in range(500)]
    np.testing.assert_allclose(smoothed, wanted, rtol=1e-9)


def test_a_long_runs_curve_is_that_of_its_groups():
    curve = Curve(0.0)
    for step in range(1, 20 * GROUPS + 1):
        curve.add({"step": step, "train_loss": 2.0 + step / 10_000})
    steps, smoothed = moving_mean(curve, 500)
    np.testing.assert_allclose(smoothed[20:-20], 2 + steps[20:-20] / 10_000, rtol=1e-3)


def command(*arguments, cwd):
    done = subprocess.run([sys.executable, "-m", "lstmzoo.report", *arguments], capture_output=True, text=True, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def test_the_command_prints_a_table_and_where_the_report_is(home, tmp_path):
    status, out, err = command(str(home / "sweep"), str(home / "a|b"), cwd=tmp_path)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[0] == "run" and len(lines) == 8 and max(map(len, lines)) <= WIDTH
    assert lines[-3:] == ["report/report.md", "report/report.csv", "report/curves.png"]
    assert {path.name for path in (tmp_path / "report").iterdir()} == FILES
    losses = [float(line.split()[-6]) for line in lines[1:4]]  # val_loss, at step, train_loss, steps, 0.02 s
    assert losses == sorted(losses)


def test_the_command_says_what_is_wrong(home, tmp_path):
    status, out, err = command("nowhere", cwd=tmp_path)
    assert (status, out) == (2, "") and err.count("\n") == 1 and "received 'nowhere', which is no directory" in err
    status, _, err = command(str(home / "a|b"), "--out", "", cwd=tmp_path)
    assert status == 2 and "--out: expected a directory, received an empty text" in err
    assert command(cwd=tmp_path)[0] == 2 and list(tmp_path.iterdir()) == []


def test_no_tensorflow_is_imported(home, tmp_path):
    code = f"import sys, lstmzoo; lstmzoo.write_report({str(home / 'a|b')!r}, 'out'); assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
