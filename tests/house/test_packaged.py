"""Configs of the package are found by name from anywhere, in a clone and in a wheel; a file here goes before them."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import lstmzoo
from lstmzoo.config.find import configs_folder, find_config, list_configs
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import InputError
from lstmzoo.schema.yaml_reader import parse_yaml
from lstmzoo.sweep.space.load import load_sweep
from tests.helpers import forked
from tests.helpers.places import ROOT
from tests.helpers.rows import few

MINE = "task: {kind: echo}\nmodel: {units: 7}\ntrain: {epochs: 1}\n"
SWEEP = "space: {model.units: {min: 1, max: 3}}\nsearch: {kind: grid}\n"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A working directory with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["echo", "echo.yaml", Path("echo")])
def test_a_name_is_the_packages_config(name):
    assert find_config(name) == configs_folder() / "echo.yaml"
    assert lstmzoo.load_config(name) == lstmzoo.load_config(ROOT / "configs" / "echo.yaml")
    assert lstmzoo.load_config(name, ["model.units=5"]).model.units == 5


def test_all_configs_have_names_and_none_depends_on_where_it_lies():
    assert list_configs() == sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))
    assert list_configs("sweeps") == sorted(path.stem for path in (ROOT / "configs" / "sweeps").glob("*.yaml"))
    for name in list_configs():
        assert parse_yaml(find_config(name).read_bytes()).data["task"].get("text") is None, name
    for name in list_configs("sweeps"):
        assert load_sweep(name).spec.name == name


@pytest.mark.parametrize(
    ("name", "columns", "windows"),
    few(
        [("series", (1, 1), 18), ("series_csv", (2, 1), 17), ("series_clipper", (1, 1), 49)],
        [("series_csv", (2, 1), 17)],
    ),
)
def test_configs_of_series_find_their_data_from_anywhere(name, columns, windows):
    plan = make_plan(lstmzoo.load_config(name), "cpu")
    assert ((plan.task.input_dim, plan.task.outputs), plan.windows) == (columns, windows)
    assert plan.task.warnings() == []


@pytest.mark.parametrize("file", ["echo", "echo.yaml"])
def test_a_file_here_goes_before_the_package(elsewhere, file):
    (elsewhere / file).write_text(MINE)
    assert lstmzoo.load_config("echo").model.units == 7
    assert lstmzoo.load_config("echo").name == "echo"


def test_a_folder_here_is_no_config(elsewhere):
    (elsewhere / "echo").mkdir()
    (elsewhere / "echo.yaml").mkdir()
    assert lstmzoo.load_config("echo").model.units == 4


def test_a_file_that_cannot_be_read_is_not_passed_over(elsewhere):
    (elsewhere / "echo").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"^expected a readable YAML file, received 'echo' \(No such file"):
        lstmzoo.load_config("echo")


@pytest.mark.parametrize("given", ["sub/echo", "sub/echo.yaml", "../echo", "/echo.yaml"])
def test_a_path_is_a_path(elsewhere, given):
    with pytest.raises(InputError, match=r"\(No such file or directory\), nor is it a name .* did you mean echo\?$"):
        lstmzoo.load_config(given)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (
            "eco",
            "",
            f"expected a readable YAML file, received 'eco' (No such file or directory), nor is it a name of those in {configs_folder()}; did you mean echo?",
        ),
        (
            "nosuch",
            "sweeps",
            f"expected a readable YAML file, received 'nosuch' (No such file or directory), nor is it a name of those in {configs_folder()}/sweeps; legal: char, char_karpathy_table, echo, series",
        ),
        (
            ".",
            "sweeps",
            f"expected a readable YAML file, received '.' (Is a directory), nor is it a name of those in {configs_folder()}/sweeps; legal: char, char_karpathy_table, echo, series",
        ),
        (
            "a\0b",
            "sweeps",
            rf"expected a readable YAML file, received 'a\x00b' (a NUL character), nor is it a name of those in {configs_folder()}/sweeps; legal: char, char_karpathy_table, echo, series",
        ),
    ],
)
def test_a_wrong_name_is_answered_with_near_ones_and_where_they_are(given, kind, message):
    with pytest.raises(InputError) as caught:
        find_config(given, kind)
    assert str(caught.value) == message


def test_a_sweep_of_ones_own_may_vary_a_config_of_the_package(elsewhere):
    (elsewhere / "mine.yaml").write_text(f"base: echo_stacked_layers\n{SWEEP}")
    search = load_sweep("mine")
    assert (search.trials, search.base["model"]["depth"], search.spec.name) == (3, 3, "mine")
    (elsewhere / "echo_stacked_layers.yaml").write_text(MINE)
    assert load_sweep(elsewhere / "mine.yaml").base["model"] == {"units": 7}
    (elsewhere / "mine.yaml").write_text(f"base: eco\n{SWEEP}")
    with pytest.raises(InputError, match=r"received '.*eco' \(No such file .*did you mean echo\?"):
        load_sweep("mine")


def command(*words, module="run", path=ROOT):
    line = [sys.executable, "-m", f"lstmzoo.{module}", *words]
    found = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=found)


def test_the_command_line_takes_names(elsewhere):
    short = ["--set", "train.steps=3", "--set", "validate.every_steps=0", "--set", "execution.kernel=scan"]
    done = forked.command("run", "echo", *short, cwd=elsewhere).done()
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"config: {configs_folder()}/echo.yaml\nrun directory: experiments/runs/echo\n")
    assert json.loads((elsewhere / "experiments/runs/echo/result.json").read_text())["steps"] == 3
    assert "is completed at step 3" in command("echo", *short, "--resume").stderr
    refused = command("echo", *short, "--set", "seed=1", "--resume")
    assert (refused.returncode, refused.stderr.count("seed: expected 0 as in the run, received 1")) == (2, 1)
    (elsewhere / "echo.yaml").write_text(MINE)
    assert command("echo.yaml", "--plan").stderr == ""


@pytest.mark.parametrize(("module", "kind"), [("run", ""), ("sweep", "sweeps")])
def test_without_a_name_all_are_listed(module, kind):
    done = command(module=module)
    assert done.returncode == 2
    assert f"(a file, or {', '.join(list_configs(kind))})" in done.stderr


def test_a_wheel_made_of_an_sdist_brings_them(elsewhere):
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(elsewhere), "-t"]
    subprocess.run([*hatch, "sdist"], check=True, capture_output=True, cwd=ROOT)
    subprocess.run(["tar", "-xzf", next(elsewhere.glob("*.tar.gz")), "-C", elsewhere], check=True)
    subprocess.run([*hatch, "wheel"], check=True, capture_output=True, cwd=next(elsewhere.glob("lstmzoo-*[0-9]")))
    site = elsewhere / "site"
    assert next(elsewhere.glob("*.whl")).stat().st_size < 4e6  # trained models and all
    with zipfile.ZipFile(next(elsewhere.glob("*.whl"))) as archive:
        archive.extractall(site)
    assert sorted(path.name for path in site.iterdir() if "dist-info" not in path.name) == ["lstmzoo"]
    theirs = {path.relative_to(ROOT / "configs") for path in (ROOT / "configs").rglob("*.*")}
    assert {path.relative_to(site / "lstmzoo/configs") for path in (site / "lstmzoo/configs").rglob("*.*")} == theirs
    done = command("zoo:char_python", "--prompt", "def ", "--length", "20", module="sample", path=site)
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 24)
    done = command("echo", "--plan", path=site)
    assert (done.returncode, done.stderr) == (0, f"config: {site}/lstmzoo/configs/echo.yaml\n")
    code = "from lstmzoo.sweep.space.load import load_sweep; print(load_sweep('echo').trials)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)}
    )
    assert done.stdout == "64\n", done.stderr
