"""Predictions of series runs, row by row: against a walk through the rows, and the run's own validation."""

import json
import os
import signal
import subprocess
import sys
import time
import tty
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lstmzoo
from lstmzoo.data.columns import Sound
from lstmzoo.data.table_writers import wav_writer
from lstmzoo.data.tables import open_table
from lstmzoo.data.wav import FORMS
from lstmzoo.errors import InputError
from lstmzoo.inference import predicting, runner_tf
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.predict import predict
from lstmzoo.runs.trained import open_run
from lstmzoo.system import terminal
from lstmzoo.system.command_line import exit_status
from lstmzoo.tasks.task import TableRows
from tests.helpers.rows import few
from tests.helpers.series_runs import write_run

NAN = np.nan
RANDOM = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))


def write_csv(path, columns):
    """A table of columns by name; NaN is an empty cell."""
    rows = zip(*columns.values(), strict=True)
    cells = [",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in rows]
    path.write_text("\n".join([",".join(columns), *cells]) + "\n")
    return path


def read_csv(path):
    """Columns by name, NaN where a cell is empty."""
    head, *lines = path.read_text().splitlines()
    rows = [[float(cell.strip('"') or "nan") for cell in line.split(",")] for line in lines]
    return dict(zip(head.split(","), np.array(rows).T, strict=True))


def run_command(*words, **options):
    """The exit status of the command, in this process."""
    return exit_status(lambda: predict(*words, **options))


def predicted(run, table, folder, **options):
    out = folder / "out.csv"
    out.unlink(missing_ok=True)
    assert run_command(run, table, out=out, **options) == 0
    return read_csv(out)


def walk(run, columns, horizon, segments=None):
    """Predictions of each row, by a walk: one row a call; with those of the rows after the last one."""
    trained = open_run(run)
    scaling, runner, rows = trained.scaling, NumpyRunner(trained.blueprint()), len(next(iter(columns.values())))
    found = np.full((rows + horizon, len(scaling.targets)), NAN)
    for row in range(rows):
        if row == 0 or (segments is not None and segments[row] != segments[row - 1]):
            states, last, found[row : row + horizon] = runner.signature.zero_states(1), scaling.first(), NAN
        raw = np.array([columns[name][row] for name in scaling.inputs])
        last = np.where(np.isnan(raw), last, raw)
        x = scaling.scale_inputs(raw[None], last[None])
        outputs, states = runner(x[None], states)
        found[row + horizon] = scaling.unscale_targets(outputs[0, 0])
    return found


def pumps(rows, seed=0):
    """Columns of which some values are missing, and one that says the recording."""
    random = np.random.default_rng(seed)
    heat, flow, load = random.normal([[1], [12], [20]], [[0.5], [1.5], [2.5]], (3, rows))
    heat[random.uniform(size=rows) < 0.2] = load[random.uniform(size=rows) < 0.2] = NAN
    return {"load": load, "pump": np.cumsum(random.uniform(size=rows) < 0.05), "heat": heat, "flow": flow}


CASES = {  # horizon, segments, targets
    "one row ahead": (1, False, ["load", "flow"]),
    "the same row": (0, True, ["load"]),
    "three rows ahead, in recordings": (3, True, ["flow", "load"]),
    "further than a recording": (70, True, ["load"]),
    "further than all": (200, False, ["load"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_row_has_the_prediction_that_a_walk_makes_of_it(tmp_path, name):
    horizon, segments, targets = CASES[name]
    segment = {"column": "pump"} if segments else None
    run = write_run(tmp_path / "run", ["heat", "flow"], targets, held=["heat"], horizon=horizon, segment=segment)
    columns = pumps(130)
    found = predicted(run, write_csv(tmp_path / "in.csv", columns), tmp_path)
    wanted = walk(run, columns, horizon, columns["pump"] if segments else None)
    assert list(found) == [f"{name}{end}" for name in targets for end in ("", "_predicted")]
    for place, target in enumerate(targets):
        np.testing.assert_array_equal(found[f"{target}_predicted"], wanted[:, place])
        np.testing.assert_array_equal(found[target], np.append(columns[target], np.full(horizon, NAN)))
    assert np.isnan(found[f"{targets[0]}_predicted"][:horizon]).all()


@pytest.mark.parametrize("rows", [1, 7, 64, 5000])
def test_blocks_of_any_size_give_the_same_file(tmp_path, monkeypatch, rows):
    run = write_run(tmp_path / "run", ["heat", "flow"], held=["heat"], segment={"column": "pump"})
    table = write_csv(tmp_path / "in.csv", pumps(300))
    assert run_command(run, table, out=tmp_path / "whole.csv", steps=40) == 0
    monkeypatch.setattr(predicting, "ROWS", rows)
    assert run_command(run, table, out=tmp_path / "pieces.csv", steps=40) == 0
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_steps_are_what_the_run_predicts_of_its_own_predictions(tmp_path):
    """Appended to the table, the predictions beyond its end are predicted as before."""
    run = write_run(tmp_path / "run", ["a", "b"], ["b", "a"])
    columns = dict(zip("ab", RANDOM.normal(size=(2, 50)), strict=True))
    found = predicted(run, write_csv(tmp_path / "in.csv", columns), tmp_path, steps=30)
    assert len(found["a"]) == 50 + 1 + 30 and np.isnan(found["a"][50:]).all()
    longer = {name: np.append(columns[name], found[f"{name}_predicted"][50:]) for name in "ab"}
    again = predicted(run, write_csv(tmp_path / "longer.csv", longer), tmp_path)
    for name in ("a_predicted", "b_predicted"):
        np.testing.assert_array_equal(again[name][:81], found[name])


TRAINED = """
task: {{kind: series, data: {folder}/a.csv, validation: {folder}/b.csv, inputs: [flow, heat], targets: [load, heat],
  missing: hold, warmup: 4, horizon: {horizon}}}
model: {{kind: single, units: 6, skip: true}}
train: {{batch_size: 2, seq_length: 20, epochs: 2, optimizer: {{name: adam, learning_rate: 0.01}}}}
execution: {{kernel: scan}}
"""


@pytest.mark.parametrize("horizon", few([0, 1, 5], [1]))
def test_a_validation_file_gives_the_errors_that_the_run_has_measured(tmp_path, blank_pictures, horizon):
    for name in "ab":
        write_csv(tmp_path / f"{name}.csv", pumps(150, seed=ord(name)))
    (tmp_path / "c.yaml").write_text(TRAINED.format(folder=tmp_path, horizon=horizon))
    best = lstmzoo.train_run(tmp_path / "c.yaml", tmp_path / "run")["best"]
    found = predicted(tmp_path / "run", tmp_path / "b.csv", tmp_path)
    counts = slice(4 + horizon, 150)  # the warm-up is of the rows that are read
    errors = [(found[f"{name}_predicted"] - found[name])[counts] for name in ("load", "heat")]
    rmse = np.mean([np.sqrt(np.nanmean(each**2)) for each in errors])
    assert best["val_rmse"] == pytest.approx(rmse, rel=1e-5)
    assert best["val_mae"] == pytest.approx(np.mean([np.nanmean(abs(each)) for each in errors]), rel=1e-5)


RUNTIMES = [("tensorflow", (10,)), ("tensorflow", runner_tf.SIZES), ("tflite", ()), ("onnx", ()), ("c", ())]


@pytest.mark.parametrize(("runtime", "sizes"), few(RUNTIMES, RUNTIMES[:1]))
def test_other_runtimes_give_the_same_numbers(tmp_path, monkeypatch, runtime, sizes):
    monkeypatch.setattr(runner_tf, "SIZES", sizes)
    run = write_run(tmp_path / "run", ["a"])
    array = RANDOM.normal(1, 0.5, 50 if sizes == (10,) else 1181)
    wanted, found = (lstmzoo.predict_series(run, array, runtime=each) for each in ("numpy", runtime))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def write_wav(path, form, channels=1, frames=300, rate=44_100):
    sound = 0.7 * np.sin(np.arange(frames * channels).reshape(frames, channels) / 9)
    with wav_writer(path, Sound(rate, form), channels, print) as write:
        write(sound)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_sound_in_is_sound_out_in_the_same_form(tmp_path, form):
    """A run that was trained on two files side by side takes the first alone."""
    run = write_run(tmp_path / "run", ["dry"], ["wet"], horizon=0)
    (table,) = open_table(write_wav(tmp_path / "guitar.wav", form))
    assert run_command(run, tmp_path / "guitar.wav", out=tmp_path / "amp.wav") == 0
    (out,) = open_table(tmp_path / "amp.wav")
    assert (out.sound, out.rows, out.names) == (table.sound, 300, ("0",))
    wanted = FORMS[form].encode(lstmzoo.predict_series(run, table.read()))
    np.testing.assert_array_equal(out.read()[:, 0], FORMS[form].decode(wanted))


def test_sound_of_several_channels_and_beyond_the_range(tmp_path, capsys):
    run = write_run(tmp_path / "run", ["0", "1"], horizon=2)
    assert run_command(run, write_wav(tmp_path / "in.wav", "int16", channels=2), out=tmp_path / "out.WAV") == 0
    (out,) = open_table(tmp_path / "out.WAV")
    assert out.read().shape == (302, 2) and (out.read()[:2] == 0).all()
    said = capsys.readouterr()
    assert "samples beyond -1..1 were clipped" in said.err
    assert said.out == f"{tmp_path}/out.WAV: 300 rows, and 2 beyond the end of {tmp_path}/in.wav\n"


FACTS = {None: 0, "{}": 0, '{"data": {"sample_rate": 44100}}': 0, '{"data": {"sample_rate": "fast"}}': 0, '{"data": {"sample_rate": 48000}}': 2}  # fmt: skip


@pytest.mark.parametrize("facts", FACTS)
def test_sound_of_another_rate_than_the_run_was_trained_on_is_refused(tmp_path, capsys, facts):
    run = write_run(tmp_path / "run", ["0"])
    if facts is not None:
        (run / "environment.json").write_text(facts)
    assert run_command(run, write_wav(tmp_path / "in.wav", "int16"), out=tmp_path / "out.csv") == FACTS[facts]
    refused = f"{tmp_path}/in.wav: expected 48,000 Hz as the run was trained on, received 44,100 Hz: resample it (ffmpeg -i IN -ar 48000 OUT.wav)\n"  # fmt: skip
    assert capsys.readouterr().err.endswith(refused if FACTS[facts] else "")
    assert (tmp_path / "out.csv").exists() == (not FACTS[facts])


def test_columns_are_taken_by_name_and_targets_may_lack(tmp_path, capsys):
    run, columns = write_run(tmp_path / "run", ["heat", "flow"], ["load", "heat"]), pumps(20)
    columns["heat"] = columns["flow"] - 11
    whole = predicted(run, write_csv(tmp_path / "a.csv", columns), tmp_path)
    other = {name: columns[name] for name in ("flow", "heat")}
    found = predicted(run, write_csv(tmp_path / "b.csv", other), tmp_path)
    assert list(found) == ["load_predicted", "heat", "heat_predicted"]
    np.testing.assert_array_equal(found["load_predicted"], whole["load_predicted"])
    assert capsys.readouterr().err == ""
    np.save(tmp_path / "c.npy", np.column_stack([columns["heat"], columns["flow"]]))
    found = predicted(run, tmp_path / "c.npy", tmp_path)
    np.testing.assert_array_equal(found["load_predicted"], whole["load_predicted"])
    assert capsys.readouterr().err == "columns without names are taken as 'heat, flow'\n"


def test_a_table_without_the_column_of_segments_is_one_recording(tmp_path, capsys):
    run = write_run(tmp_path / "run", ["flow"], segment={"column": "pump"})
    flow = {"flow": pumps(60)["flow"]}
    found = predicted(run, write_csv(tmp_path / "a.csv", flow), tmp_path)
    np.testing.assert_array_equal(found["flow_predicted"], walk(run, flow, 1)[:, 0])
    assert capsys.readouterr().err == "no column 'pump' (task.segment): the table is taken as one recording\n"


def numbered(run, segments):
    config = json.loads((run / "config.yaml").read_text())
    config["task"]["segment"] = {"column": segments}
    (run / "config.yaml").write_text(json.dumps(config))


def test_a_column_of_segments_by_its_number(tmp_path):
    run, columns = write_run(tmp_path / "run", ["flow"], ["load"]), pumps(60)
    table = write_csv(tmp_path / "a.csv", columns)
    numbered(run, 1)  # pump
    found = predicted(run, table, tmp_path)["load_predicted"]
    np.testing.assert_array_equal(found, walk(run, columns, 1, columns["pump"])[:, 0])
    numbered(run, 3)  # flow, which is an input: another table than the run's
    np.testing.assert_array_equal(predicted(run, table, tmp_path)["load_predicted"], walk(run, columns, 1)[:, 0])


def test_names_of_recordings_are_as_good_as_numbers(tmp_path):
    run, columns = write_run(tmp_path / "run", ["flow"], ["load"], segment={"column": "pump"}), pumps(60)
    wanted = predicted(run, write_csv(tmp_path / "a.csv", columns), tmp_path)["load_predicted"]
    head, *rows = (tmp_path / "a.csv").read_text().splitlines()
    cells = [row.split(",") for row in rows]
    named = [",".join([load, f"pump-{pump}", *others]) for load, pump, *others in cells]
    (tmp_path / "b.csv").write_text("\n".join([head, *named]))
    np.testing.assert_array_equal(predicted(run, tmp_path / "b.csv", tmp_path)["load_predicted"], wanted)


def test_a_task_says_how_it_reads_tables(tmp_path):
    """So one of another package that does is predicted too."""
    trained = open_run(write_run(tmp_path / "run", ["a"], horizon=3, segment={"column": 2}))
    assert predicting.series_of(trained) == ((3, 2), trained.scaling)
    other = SimpleNamespace(kind="other", table_rows=TableRows(0, None))
    found = trained._replace(experiment=SimpleNamespace(task=other))
    assert predicting.series_of(found) == (other.table_rows, trained.scaling)
    del other.table_rows
    with pytest.raises(InputError, match="expected a run of a series task, received .*, a run of the other task"):
        predicting.series_of(found)


REFUSED = {  # content of the table, options, message
    "no such column": ("a,hea\n1,2\n", {}, r"in.csv: expected the inputs of the run, 'heat, flow', received no column 'heat'; did you mean hea\?"),
    "too many without names": ("1,2,3\n", {}, "received no column 'heat'; legal: 0, 1, 2"),
    "text": ("heat,flow\n1,2\nx,3\n", {}, "in.csv: column heat: line 3: expected a number, received 'x'"),
    "text in a target": ("heat,flow,load\n1,2,3\n1,3,x\n", {}, "in.csv: column load: line 3: expected a number"),
    "a missing value": ("heat,flow\n1,2\n3,\n", {}, r"in.csv: line 3, column flow: expected a number, as in each row of the run's data \(so its model has no input that says it is missing\), received none: fill it, or train with task.missing: hold on data that lacks some of it too"),
    "infinity": ("heat,flow\n1,2\n1,inf\n", {}, "in.csv: column flow: line 3: expected a finite number, received 'inf'"),
    "beyond float32": ("heat,flow\n1,2\n1,1e39\n", {}, r"in.csv: line 3, column flow: expected a number of at most 3.4e\+38 \(float32\), received 1e\+39"),
    "a head only": ("heat,flow\n", {}, "expected rows of numbers, received none"),
    "no file": (None, {}, "expected a table .*in.csv', which is not there"),
    "a missing segment": ("heat,flow,pump\n1,2,1\n1,2,\n", {}, "line 3, column pump: expected a value in the column that says the segment"),
    "steps below 0": ("heat,flow\n1,2\n", {"steps": -1}, "steps: expected an integer >= 0, received -1"),
    "steps without a loop": ("heat,flow\n1,2\n", {"steps": 3}, r"steps: expected 0, as only a run with task.horizon 1 whose targets are its inputs can .* received 3 \(task.horizon 1, inputs 'heat, flow', targets 'load'\)"),
    "another ending": ("heat,flow\n1,2\n", {"out": "out.txt"}, r"--out: expected a name that ends with .csv or .wav, or - for CSV on stdout, received 'out.txt'"),
    "sound of no sound": ("heat,flow\n1,2\n", {"out": "out.wav"}, "--out: expected a name that ends with .csv, as the table has no rate, received out.wav"),
    "a file that is there": ("heat,flow\n1,2\n", {"out": "in.csv"}, "'in.csv': expected a path that does not exist yet, received one that exists"),
    "no folder": ("heat,flow\n1,2\n", {"out": "no/out.csv"}, "expected a file that can be written, received no/out.csv"),
    "no runtime": ("heat,flow\n1,2\n", {"runtime": "torch"}, "runtime: expected one of auto, numpy, tensorflow, tflite, onnx, c, received 'torch'"),
    "a run of texts": (None, {"run": "zoo:char_python"}, "expected a run of a series task, received 'zoo:char_python', a run of the char task"),
    "no run": (None, {"run": "."}, "expected a run directory, received '.'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_predicted_is_one_message_and_leaves_nothing(tmp_path, monkeypatch, capsys, name):
    content, options, message = REFUSED[name]
    run = write_run(tmp_path / "run", ["heat", "flow"], ["load"], held=["heat"], segment={"column": "pump"})
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    if content is not None:
        Path("in.csv").write_text(content)
    options = {"out": "out.csv", **options}
    assert run_command(options.pop("run", run), Path("in.csv"), out=Path(options.pop("out")), **options) == 2
    said = capsys.readouterr()
    *notes, last = said.err.splitlines()
    with pytest.raises(InputError, match=message):
        raise InputError(last)
    assert said.out == "" and all(note.startswith("no column 'pump'") for note in notes)
    assert [path.name for path in place.iterdir()] == (["in.csv"] if content is not None else [])


def test_several_tables_are_refused(tmp_path):
    run = write_run(tmp_path / "run", ["a"])
    for name in "xy":
        write_csv(tmp_path / f"{name}.csv", {"a": [1.0]})
    with pytest.raises(InputError, match=r"expected one table, received 2 \('.*\*.csv'\): predict one after another"):
        predict(run, tmp_path / "*.csv")


def test_a_prediction_that_is_not_finite_is_no_number(tmp_path, capsys):
    run = write_run(tmp_path / "run", ["a"], model={"kind": "single", "units": 3, "skip": True})
    table = write_csv(tmp_path / "in.csv", {"a": [1.0, 1.0, 3e38, -3e38, 3e38]})
    assert run_command(run, table, out=tmp_path / "out.csv") == 2
    assert "expected finite predictions, received NaN or infinity at row 3 of a recording" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


ARRAYS = {
    "another shape": ([[1, 2, 3]], r"array: expected numbers \[n, 2\], a column for each of 'heat, flow', received \[1, 3\]"),
    "one dimension": ([1, 2], r"received \[2\]"),
    "words": ([["a", "b"]], r"array: expected numbers \[n, 2\], received \[\['a', 'b'\]\]"),
    "a missing value": ([[NAN, 1], [1, NAN]], r"array: row 1 \(from 0 on\), input 'flow': expected a number, as in each row .* received none"),
    "infinity": ([[1, 2], [np.inf, 1]], r"row 1 \(from 0 on\), input 'heat': expected a number of at most 3.4e\+38 \(float32\), received inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_are_refused(tmp_path, name):
    array, message = ARRAYS[name]
    run = write_run(tmp_path / "run", ["heat", "flow"], held=["heat"])
    with pytest.raises(InputError, match=message):
        lstmzoo.predict_series(run, array)


def test_an_array_gives_what_is_predicted_at_its_rows(tmp_path, monkeypatch):
    run, columns = write_run(tmp_path / "run", ["heat", "flow"], ["load"], held=["heat"], horizon=3), pumps(60)
    monkeypatch.setattr(predicting, "ROWS", 7)
    found = lstmzoo.predict_series(run, np.column_stack([columns["heat"], columns["flow"]]))
    np.testing.assert_array_equal(found, walk(run, columns, 3)[3:])
    assert lstmzoo.predict_series(run, np.zeros((0, 2))).shape == (0, 1)


def test_stdout_has_the_table_alone_and_tensorflow_stays_out(tmp_path):
    run, table = write_run(tmp_path / "run", ["a"]), write_csv(tmp_path / "in.csv", {"a": RANDOM.normal(1, 0.5, 9)})
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['tensorflow'] = None\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    words = [sys.executable, "-m", "lstmzoo.predict", run, table, "--steps", "2"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert run_command(run, table, out=tmp_path / "out.csv", steps=2) == 0
    assert done.stdout == (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_terminal_shows_how_many_rows_are_done(tmp_path, monkeypatch, seconds):
    run, table = write_run(tmp_path / "run", ["a"]), write_csv(tmp_path / "in.csv", {"a": RANDOM.normal(1, 0.5, 1500)})
    master, slave = os.openpty()
    with os.fdopen(master, "rb", 0) as screen, os.fdopen(slave, "w") as stderr:
        tty.setraw(slave)
        monkeypatch.setattr(predicting, "ROWS", 1000)
        monkeypatch.setattr(terminal, "SECONDS", seconds)
        monkeypatch.setattr(sys, "stderr", stderr)
        assert run_command(run, table, out=tmp_path / "out.csv", steps=99) == 0
        print("end", file=stderr, flush=True)
        shown = ""
        while not shown.endswith("end\n"):  # a terminal gives what it has
            shown += screen.read(1000).decode()
    lines = ["1,000 of 1,600 rows (62 %)", "1,500 of 1,600 rows (93 %)", "1,501 of 1,600 rows (93 %)", "1,600 of 1,600 rows (100 %)", 27 * " "]  # fmt: skip
    assert shown == ("" if seconds else "".join(f"\r{line}" for line in lines) + "\r") + "end\n"


MEASURED = """
import re, sys
from pathlib import Path
from lstmzoo.predict import predict
predict(Path(sys.argv[1]), Path(sys.argv[2]), out=Path(sys.argv[2] + ".csv"))
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
def test_memory_does_not_depend_on_the_length_of_a_table(tmp_path):
    """1,000 columns, of which 75,000 rows are 300 MB."""
    run, found = write_run(tmp_path / "run", ["3", "500"], ["7"]), {}
    for rows in (100, 75_000):
        table = np.lib.format.open_memmap(tmp_path / f"{rows}.npy", "w+", np.float32, (rows, 1000))
        table[:, 3] = 1
        del table
        done = subprocess.run([sys.executable, "-c", MEASURED, run, tmp_path / f"{rows}.npy"], capture_output=True, text=True)  # fmt: skip
        found[rows] = int(done.stdout.splitlines()[-1]) / 1000
    assert found[75_000] < found[100] + 20, found  # MB


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing(tmp_path, number):
    run = write_run(tmp_path / "run", ["0"])
    np.save(tmp_path / "in.npy", np.ones(400_000, np.float32))
    words = [sys.executable, "-m", "lstmzoo.predict", run, tmp_path / "in.npy", "--out", tmp_path / "out.csv"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while not list(tmp_path.glob(".out.csv.*")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.communicate(timeout=30)[1] == f"stopped by {number.name}\n"
    assert process.returncode == 128 + number
    assert not list(tmp_path.glob("*out.csv*"))
