"""The command line as a person meets it, each in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import lstmzoo
from tests.helpers import forked
from tests.helpers.places import ROOT
from tests.helpers.rows import few

ECHO = ROOT / "configs" / "echo.yaml"


def command(*words, module="run", cwd=None, **options):
    line = [sys.executable, "-m", f"lstmzoo.{module}", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, timeout=120, **options)


def least_seconds(*words, enough=0.5):
    """Of up to twenty: what else runs on the machine only ever adds."""
    least = 60.0
    for _ in range(20):
        start = time.perf_counter()
        command(*words)
        least = min(least, time.perf_counter() - start)
        if least < enough:
            break
    return least


@pytest.mark.slow
def test_echo_yaml_is_solved(tmp_path):
    done = command(ECHO, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "experiments/runs/echo/result.json").read_text())
    assert result["status"] == "completed"
    assert result["final"]["val_accuracy"] >= 0.999
    assert result["steps"] == 3330
    assert "run directory: experiments/runs/echo" in done.stdout
    assert "run directory: experiments/runs/echo" in done.stderr
    assert "50 symbols dropped" in done.stderr
    assert "WARNING" not in done.stderr
    again = command(ECHO, "--resume", cwd=tmp_path)
    assert again.returncode == 0
    assert "nothing to do: the run experiments/runs/echo is completed at step 3,330; to go on, raise" in again.stderr
    assert done.stdout == again.stdout
    refused = command("--resume", "--run-dir", "experiments/runs/echo", "--set", "model.units=5", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("model.units: expected [4] as in the run, received [5]\n")
    other = command(ECHO, "--resume", "--run-dir", "experiments/runs/echo", "--set", "model.units=5", cwd=tmp_path)
    assert other.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["echo_sshanu", "echo_stacked_cells", "echo_stacked_layers"])
def test_the_other_configs_solve_the_task(tmp_path, name):
    result = lstmzoo.train_run(ROOT / "configs" / f"{name}.yaml", tmp_path / "run")
    assert result["final"]["val_accuracy"] >= 0.999
    assert result["best"]["val_loss"] < 0.01


def test_plan_trains_nothing(tmp_path):
    done = command(ECHO, "--plan", "--set", "train.steps=7", cwd=tmp_path)
    assert done.returncode == 0
    for part in ("106 parameters", "666 windows", "50 symbols dropped", "7 steps", "memory", "kernel xla, threads 1"):
        assert part in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_schema_is_json_schema():
    schema = json.loads(command("--schema").stdout)
    assert schema["properties"]["validate"]["description"]


def test_help_and_config_errors_answer_at_once():
    assert least_seconds("--help") < 0.5
    assert least_seconds(ECHO, "--set", "train.stps=1") < 0.5


def test_a_config_is_loaded_without_numpy():
    code = f"import sys, lstmzoo; lstmzoo.load_config({str(ECHO)!r}); assert 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


def test_neither_help_nor_library_nor_plan_imports_tensorflow():
    code = (
        "import sys, lstmzoo, lstmzoo.run, lstmzoo.predict, lstmzoo.__main__, lstmzoo.config.load, lstmzoo.config.plan\n"
        f"lstmzoo.config.plan.make_plan(lstmzoo.load_config({str(ECHO)!r}), 'cpu')\n"
        "lstmzoo.list_models()\n"
        "assert not {'tensorflow', 'tf_keras', 'keras', 'matplotlib'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.yaml"], "expected a readable YAML file, received 'nowhere.yaml' (No such file or directory)"),
        (["."], "expected a readable YAML file, received '.' (Is a directory)"),
        ([], "expected a YAML file, received none: python -m lstmzoo.run CONFIG"),
        ([ECHO, "--set", "seed=x"], "--set seed: seed: expected an integer, received 'x'"),
        ([ECHO, "--run-dir", "/proc/nowhere/run"], "run directory: expected a directory that can be written"),
        ([ECHO, "--run-dir", ECHO], "run directory: expected a directory that can be written"),
        ([ECHO, "--nonsense"], "No such option"),
        ([ECHO, "--run-dir", ""], "--run-dir: expected a directory, received an empty text"),
        (["--resume"], "expected a run to go on with, received none: give --run-dir DIR, or its CONFIG"),
    ],
)
def test_bad_input_is_one_message_and_status_2(tmp_path, words, message):
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_divergence_is_status_3(tmp_path):
    wild = ["--set", "train.optimizer={name: sgd, learning_rate: 1e38}", "--set", "train.steps=50"]
    done = forked.command("run", ECHO, *wild, cwd=tmp_path).done()
    assert done.returncode == 3
    assert "is not finite: lower train.optimizer.learning_rate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_error(tmp_path):
    line = f"{sys.executable} -m lstmzoo.run {ECHO} --schema | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.stdout.split() == ["{", "0"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("seconds", "number"),
    few(
        [(1.0, signal.SIGINT), (3.0, signal.SIGTERM), (0, signal.SIGINT), (0, signal.SIGTERM)],
        [],
    ),
)
def test_a_signal_is_answered_within_two_seconds(tmp_path, seconds, number):
    """While TensorFlow loads, while the graph is made, and in mid-training (0: after 1,000 steps)."""
    for attempt in range(3):  # another process may have the cores for a moment
        took, status, stderr = answered(tmp_path / str(attempt), seconds, number)
        assert status == 128 + number
        assert "stopped by" in stderr
        assert "Traceback" not in stderr
        if took < 2:
            return
    pytest.fail(f"answered after {took:.1f} s three times")


def answered(directory, seconds, number):
    directory.mkdir()
    line = [sys.executable, "-m", "lstmzoo.run", str(ECHO), "--set", "train.time_budget=60"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=directory)
    while not seconds and sum(path.read_bytes().count(b"\n") for path in directory.rglob("metrics.jsonl")) < 1000:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(seconds)
    start = time.perf_counter()
    os.kill(process.pid, number)
    _, stderr = process.communicate(timeout=30)
    return time.perf_counter() - start, process.returncode, stderr


@pytest.mark.parametrize(("words", "status"), [(["echo*"], 0), (["nothing*"], 2), ([], 0)])
def test_zoo_lists_names(words, status):
    done = command(*words, module="zoo")
    assert done.returncode == status
    assert ("echo_4 " in done.stdout) == (status == 0)


def test_the_console_script_gathers_the_commands():
    def script(*words):
        code = "from lstmzoo.__main__ import main; main()"
        return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)

    assert "echo_3x4" in script("zoo").stdout
    assert "usage: lstmzoo COMMAND" in script().stdout
    assert script("rum").returncode == 2
    assert "did you mean run?" in script("rum").stderr
    assert script("run", "nowhere.yaml").returncode == 2
