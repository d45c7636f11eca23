"""The doctor on a machine that works and on broken ones: each fault is a line with advice, never a traceback."""

import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lstmzoo.doctor import __main__, host, installed, self_test
from lstmzoo.doctor.checks import Check, failure, guarded, verdict
from lstmzoo.errors import EnvironmentFailure
from lstmzoo.execution import auto
from lstmzoo.inference import predicting
from lstmzoo.system import machine
from tests.helpers.places import ROOT

HOLLOW = """
from types import SimpleNamespace as Space
__version__, zeros, tell = "2.21.0", lambda shape: None, lambda count: None
config = Space(threading=Space(set_intra_op_parallelism_threads=tell, set_inter_op_parallelism_threads=tell))
"""  # a tensorflow that imports at once


def command(*words, cwd=None, before=(), **environ):
    line = [*before, sys.executable, "-m", "lstmzoo.doctor", *words]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*environ.pop("first", ()), ROOT))), **environ}
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, timeout=300, env=environ)


def lines_of(text):
    """Each line's mark by name."""
    rows = [row for row in text.splitlines() if row.startswith("  ") and not row.strip().startswith("->")]
    found = {row[2:17].strip(): row[17:24].strip() for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.fixture(scope="module")
def well(tmp_path_factory):
    """A doctor's visit to this machine, and where it was."""
    folder = tmp_path_factory.mktemp("well")
    (folder / "echo.yaml").write_text("a user's own file of that name is not what is tested")
    return command(cwd=folder, LSTMZOO_CACHE=str(folder / "cache")), folder


def test_all_is_well_here(well):
    done, folder = well
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("all is well\n")
    marks = lines_of(done.stdout)
    for name in "requirements cache runs temporary imports echo".split():
        assert marks[name] == "ok", name
    assert marks["keras series"] == "ok"
    assert (marks["loss floor"], marks["same seed"], marks["xla = keras"]) == ("ok", "ok", "ok")
    assert marks["numbers"] == "ok"
    assert "666 of 666 losses are the same" in done.stdout
    assert "val_accuracy 1 of 1" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["echo.yaml"]


def test_it_fits_a_screen_and_a_bug_report(well):
    rows = well[0].stdout.splitlines()
    assert len(rows) < 45
    assert max(map(len, rows)) <= 140
    assert str(Path.home()) not in well[0].stdout or str(Path.home()) == "/"


def test_it_says_which_keras_is_used_and_what_is_chosen(well):
    text = well[0].stdout
    assert "Keras 2: every model is built with it" in text
    assert "never used here (TF_USE_LEGACY_KERAS is not set, nor needed)" in text
    assert f"kernel                xla: {auto.explain_kernel('cpu')[1]}" in text
    assert f"5 lanes: threads 1, shards 1 ({auto.explain_threads([4])[1]})" in text
    cores = auto.count_cores()
    assert f"50 lanes: threads {cores}, shards {min(cores, 6)} ({auto.explain_threads([512])[1]})" in text


def test_what_is_chosen_is_what_is_explained(monkeypatch):
    for layers in ([4], [96], [97], [4, 512]):
        assert auto.explain_threads(layers)[0] == auto.choose_threads(layers)
    assert [auto.explain_kernel(device)[0] for device in ("cpu", "gpu")] == ["xla", "keras"]
    assert [auto.fastest_kernel(device) for device in ("cpu", "gpu")] == ["xla", "keras"]
    monkeypatch.setattr(machine, "DRIVER", Path("/nowhere"))
    assert machine.explain_device() == ("cpu", "no NVIDIA driver is loaded")


@pytest.mark.parametrize(
    ("gpus", "listed", "device", "text"),
    [
        (None, None, "cpu", "no GPU, 1 trial at a time"),
        (4, "-1", "cpu", "no GPU, 1 trial at a time"),
        (1, None, "gpu", "1 GPU (0), 1 trial at a time"),
        (4, "3,1", "gpu", "2 GPUs (3, 1), 2 trials at a time"),
        (2, None, "cpu", "2 GPUs (0, 1), 2 trials at a time, on the processor, since TensorFlow sees no GPU"),
    ],
)
def test_it_says_where_a_sweep_computes(driver, gpus, listed, device, text):
    driver(gpus, listed)
    assert found(lambda: host.execution(device))["sweep"] == Check("sweep", f"{text} (--workers N for more)")


@pytest.mark.parametrize(("hidden", "seen"), [(None, 2), ("0,1", 2), ("", 0), ("-1", 0)])
def test_gpus_are_counted(monkeypatch, driver, hidden, seen):
    driver(2)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [kind] * 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert machine.count_gpus() == seen
    expected = ("gpu", "TensorFlow sees 2") if seen else ("cpu", f"CUDA_VISIBLE_DEVICES={hidden} hides every GPU")
    assert machine.explain_device() == expected
    monkeypatch.setattr(machine, "DRIVER", Path("/nowhere"))
    assert machine.count_gpus() == 0


@pytest.mark.parametrize("gpus", [0, 1, 2, 8])
def test_several_gpus_are_one_line(monkeypatch, gpus):
    monkeypatch.setattr(host, "count_gpus", lambda: gpus)
    lines = [line.row() for line in host.execution("gpu") if line.name == "GPUs"]
    text = f"{gpus}: a run computes on the first; with execution.shards: {gpus} on all, a shard each"
    assert lines == ([f"  GPUs{' ' * 18}{text}"] if gpus > 1 else [])


def test_a_driver_without_a_gpu_is_a_note(monkeypatch, driver):
    driver(1)
    monkeypatch.setattr("lstmzoo.system.command_line.start_tensorflow", lambda threads: None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert machine.explain_device() == ("cpu", "CUDA_VISIBLE_DEVICES=-1 hides every GPU")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert machine.explain_device() == ("cpu", machine.UNSEEN)
    assert machine.count_gpus() == 0
    line = list(self_test._imports())[-1]
    assert (line.mark, line.advice) == ("note", "python -m pip install 'tensorflow[and-cuda]'")


def test_it_starts_with_the_standard_library_alone():
    code = "import sys, lstmzoo.doctor.__main__; print(sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.replace("'__main__', ", "") == "['lstmzoo']\n", done.stderr


def test_help_answers_at_once():
    least = 60.0
    for _ in range(20):
        start = time.perf_counter()
        assert command("--help").returncode == 0
        least = min(least, time.perf_counter() - start)
        if least < 0.5:
            break
    assert least < 0.5


@pytest.fixture
def broken(tmp_path):
    """Makes a package that does not import, beside a hollow tensorflow and tf_keras: a folder to go first on the path."""

    def make(name, text):
        for each, code in (("tensorflow", HOLLOW), ("tf_keras", "__version__ = '2.21.0'"), (name, text)):
            (tmp_path / "broken" / each).mkdir(parents=True, exist_ok=True)
            (tmp_path / "broken" / each / "__init__.py").write_text(code)
        return tmp_path / "broken"

    return make


@pytest.mark.parametrize(
    ("name", "text", "said", "advice"),
    [
        ("tensorflow", "raise ImportError('libcuda.so.1: no such\\n  file')", "ImportError: libcuda.so.1: no such file", "--force-reinstall tensorflow tf-keras"),
        ("tf_keras", "raise ModuleNotFoundError(\"No module named 'tf_keras'\")", "ModuleNotFoundError: No module named 'tf_keras'", "--force-reinstall tensorflow tf-keras"),
        ("tf_keras", "__version__ = '3.0.0'", "and tf_keras 3.0.0 in", "--force-reinstall tf-keras"),
        ("tensorflow", "import os, signal; os.kill(os.getpid(), signal.SIGILL)", "the process was ended by SIGILL", "(AVX)"),
        ("tensorflow", "import os; print('out of it'); os._exit(7)", "the process ended with status 7: out of it", "install lstmzoo again, in a new virtual environment"),
        ("pydantic", "raise ImportError('half a package')", "ImportError: half a package", "install lstmzoo again, in a new virtual environment"),
    ],
)  # fmt: skip
def test_a_package_that_does_not_import_is_a_line(broken, tmp_path, name, text, said, advice):
    done = command(cwd=tmp_path, first=[broken(name, text)])
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    assert said in done.stdout
    assert advice in done.stdout[done.stdout.index(said) :]
    assert done.stderr.startswith("not well: ")
    assert "all is well" not in done.stdout


def test_without_typer_it_works_too(broken, tmp_path):
    broken("typer", "raise ImportError('no typer')")
    done = command(cwd=tmp_path, first=[broken("tensorflow", "raise ImportError('none')")])
    assert (done.returncode, "Traceback" in done.stderr, "versions" in done.stdout) == (1, False, True)


def found(look):
    return {line.name: line for line in look()}


@pytest.mark.parametrize(
    ("versions", "text", "advice"),
    [
        ({"tensorflow": "2.21.0", "tf-keras": None}, "not installed", "python -m pip install 'tf-keras==2.21.*'"),
        ({"tensorflow": "2.21.0", "tf-keras": "2.20.1"}, "2.20.1 beside tensorflow 2.21.0", "python -m pip install 'tf-keras==2.21.*'"),
        ({"tensorflow": None, "tf-keras": "2.21.0"}, "tensorflow is not installed", "python -m pip install tensorflow tf-keras"),
        ({"tensorflow": "2.21.0-rc1", "tf-keras": "2.21.3"}, "the same series as tensorflow: 2.21", ""),
    ],
)  # fmt: skip
def test_tf_keras_must_go_with_tensorflow(monkeypatch, versions, text, advice):
    monkeypatch.setattr(installed, "version_of", versions.get)
    assert found(installed.keras_series) == {"keras series": Check("keras series", text, not advice, advice)}


class Ours:
    """What is written in the metadata of an installed lstmzoo."""

    requires = ["numpy>=1.26", "typer>=900", "nosuch[x]>=1,<2", "old>=1; python_version<'3'", "torch>=2.4; extra=='bench'", "numpy; extra=='here'"]  # fmt: skip
    metadata = type("M", (), {"get_all": lambda self, name: ["bench", "here"]})()


def test_requirements_and_extras_are_those_of_the_package(monkeypatch):
    monkeypatch.setattr(installed, "distribution", lambda name: Ours)
    monkeypatch.setattr(installed, "version_of", {"numpy": "2.4", "typer": "0.17"}.get)
    line = found(installed.requirements)["requirements"]
    assert (line.mark, line.text) == ("FAILED", "typer 0.17, nosuch not installed")
    assert line.advice == "python -m pip install 'typer>=900' 'nosuch[x]<2,>=1'"
    extras = found(installed.extras)
    assert extras["bench"] == Check("bench", "not installed: torch", None, "python -m pip install 'torch>=2.4'")
    assert extras["here"] == Check("here", "numpy 2.4", True)
    monkeypatch.setattr(Ours, "requires", ["numpy>=1.26"])
    assert found(installed.requirements)["requirements"].text == "all 1 packages are installed"


def test_a_clone_that_is_not_installed_is_a_note(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installed, "distribution", missing)
    line = found(installed.requirements)["requirements"]
    assert (line.mark, line.advice) == ("note", "run in its folder: python -m pip install -e .")
    assert found(installed.extras) == {"extras": Check("extras", "unknown: lstmzoo is not installed")}


def test_every_version_is_told_and_what_is_lacking_too(monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setattr(installed, "version_of", {"tf-keras": "2.21.0"}.get)
    lines = found(installed.versions)
    assert set(installed.PACKAGES) < set(lines)
    assert lines["numpy"].text == "not installed"
    assert "TF_USE_LEGACY_KERAS=1 changes nothing" in lines["keras"].text
    assert lines["tf-keras"].text.startswith("2.21.0 ")


def test_places_that_cannot_be_written_are_told(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("LSTMZOO_RUNS", "/proc/nowhere/runs")
    lines = found(host.places)
    assert (lines["cache"].text, lines["cache"].ok) == (
        f"{tmp_path}/file/cache cannot be written: Not a directory",
        False,
    )
    assert lines["cache"].advice == "set another folder with LSTMZOO_CACHE=DIR"
    assert (lines["runs"].ok, lines["temporary"].ok) == (False, True)
    assert lines["runs"].advice == "set another folder with LSTMZOO_RUNS=DIR or --run-dir DIR, or start in another one"
    assert host.place("x", tmp_path / "loop" / "x", "else").text.endswith(
        "cannot be written: Too many levels of symbolic links"
    )
    monkeypatch.setattr(host.tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("none")))
    assert found(host.places)["temporary"] == Check(
        "temporary", "FileNotFoundError: none", False, "make room, or set another folder with TMPDIR=DIR"
    )


def test_a_disk_without_room_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(host, "LEAST", 2**62)
    line = host.place("cache", tmp_path / "deep" / "cache", "else")
    assert (line.mark, line.advice) == ("note", "make room, or else")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_full_disk_ends_in_lines(tmp_path):
    full = ["bash", "-c", 'ulimit -f 10; exec "$@"', "-"]  # kilobytes in a file
    done = command(cwd=tmp_path, before=full)
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    marks = lines_of(done.stdout)
    assert [marks[name] for name in ("cache", "runs", "temporary", "echo")] == ["FAILED"] * 4
    assert "cannot be written: File too large" in done.stdout
    assert done.stderr == "not well: cache, runs, temporary, echo (the text after -> says what to do)\n"


def test_the_machine_is_described(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("TF_VAR_password", "secret")
    monkeypatch.setenv("LSTMZOO_RUNS", str(Path.home() / "runs"))
    lines = found(host.machine)
    assert f"{auto.count_cores()} of {os.cpu_count()} cores usable" in lines["processor"].text
    assert "LSTMZOO_RUNS=~/runs" in lines["settings"].text or str(Path.home()) == "/"
    assert "TF_ENABLE_ONEDNN_OPTS=0" in lines["settings"].text
    assert "secret" not in lines["settings"].text
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert lines["memory"].text.startswith(f"{have / 1e9:.1f} GB")
    monkeypatch.setattr(host, "_read", lambda path: "")
    monkeypatch.setattr(machine, "_cgroup_limits", lambda: [10**9])
    assert host.memory() == f"{have / 1e9:.1f} GB, limited to 1.0 GB (the limit of its cgroup)"


def said_by(code, patience=60.0):
    return list(__main__.self_test([sys.executable, "-c", code], patience))


def test_a_self_test_that_does_not_end_is_ended():
    start = time.monotonic()
    (line,) = said_by("import time; time.sleep(60)", 0.5)
    assert time.monotonic() - start < 10
    assert line == Check("self-test", "it took too long, and was stopped", False, __main__.CRASHED)


def test_what_a_self_test_says_before_it_is_killed_stays():
    code = f"import os; print({json.dumps(json.dumps(Check('a', 'b', True)._asdict()))}); print('noise', flush=True); os.kill(os.getpid(), 9)"
    first, last = said_by(code)
    assert first == Check("a", "b", True)
    assert last == Check("self-test", "the process was ended by SIGKILL: noise", False, __main__.CRASHES["SIGKILL"])


def test_a_self_test_that_cannot_be_started_is_told():
    (line,) = __main__.self_test(["/nowhere/python"])
    assert (line.ok, line.text.startswith("cannot be started: FileNotFoundError")) == (False, True)


def test_a_reader_that_leaves_leaves_nothing_behind():
    lines = __main__.self_test(
        [
            sys.executable,
            "-c",
            f"print('{json.dumps(Check('a', 'b')._asdict())}', flush=True); input(); import time; time.sleep(60)".replace(
                "input(); ", ""
            ),
        ]
    )
    assert next(lines).name == "a"
    process = lines.gi_frame.f_locals["process"]
    lines.close()
    assert process.returncode == -9


@pytest.mark.parametrize(
    ("accuracy", "loss", "failed"),
    [(1.0, 0.0016, []), (0.75, 0.0016, ["echo"]), (1.0, 0.15, ["loss floor"]), (1.0, 0.0001, ["loss floor"]), (0.5, float("nan"), ["echo", "loss floor"])],
)  # fmt: skip
def test_wrong_numbers_are_failures(accuracy, loss, failed):
    final = {"val_accuracy": accuracy, "val_loss": 0.1, "epoch_train_loss": loss}
    result = {"final": final, "loss_floor": 0.0002, "steps": 10, "train_seconds": 1.0}
    lines = [self_test._learnt(result), self_test._near_its_floor(result)]
    assert [line.name for line in lines if line.ok is False] == failed
    assert [line.name for line in lines if line.advice == self_test.REPORT] == failed


def test_other_losses_from_the_same_seed_are_a_failure_on_a_cpu(monkeypatch):
    assert self_test._repeated([1.0, 2.0, 3.0], [1.0, 2.0], "cpu").ok is True
    line = self_test._repeated([1.0, 2.0 + 1e-15], [1.0, 2.0], "cpu")
    assert (line.ok, line.text) == (False, "1 of 2 losses are the same, bit for bit")
    assert self_test._repeated([1.0, 2.5], [1.0, 2.0], "gpu").ok is None
    asked = []
    monkeypatch.setattr(self_test, "_first_losses", lambda kernel, steps: asked.append(kernel) or [1.0, 2.0])
    assert self_test._agreed("keras", [1.0, 2.0 + 1e-5]).ok is True
    assert self_test._agreed("xla", [1.0, 2.0 + 3e-5]).ok is False
    assert self_test._agreed("xla", [1.0, float("nan")]).ok is False
    assert asked == ["scan", "keras", "keras"]


def test_other_numbers_than_those_of_numpy_are_a_failure(monkeypatch):
    predict = predicting.predict_series
    for error, is_well in ((1e-6, True), (1e-5, False), (np.nan, False)):
        monkeypatch.setattr(predicting, "predict_series", lambda *a, error=error, **k: predict(*a, **k) + error)
        (line,) = self_test._numbers()
        assert (line.name, line.ok, bool(line.advice)) == ("numbers", is_well, not is_well)


def test_errors_are_one_line_and_ours_need_no_advice():
    def look(error):
        yield Check("a", "seen")
        raise error

    assert list(guarded("x", lambda: look(ValueError("a\n b")), "do")) == [
        Check("a", "seen"),
        Check("x", "ValueError: a b", False, "do"),
    ]
    assert list(guarded("x", lambda: look(EnvironmentFailure("full: make room")), "do"))[1].advice == ""
    assert failure(ValueError()) == "ValueError"
    assert len(failure(ValueError("x" * 999))) == 240
    assert verdict("x", "y", True, "do").advice == ""
    assert Check("x", "y", False, "do").row() == "  x              FAILED y\n                        -> do"


def test_a_wrong_option_is_the_users(tmp_path):
    done = command("--jsn", cwd=tmp_path)
    assert (done.returncode, done.stdout, "unrecognized arguments: --jsn" in done.stderr) == (2, "", True)


def test_json_has_it_all(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "self_test", lambda: iter([Check("imports", "gone", False, "do")]))
    with pytest.raises(EnvironmentFailure, match=r"^not well: imports \(the key advice says what to do\)$"):
        __main__.doctor(as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["self-test"] == [{"name": "imports", "text": "gone", "ok": False, "advice": "do"}]
    assert {"lstmzoo", "versions", "machine", "environment", "extras"} < set(found)
