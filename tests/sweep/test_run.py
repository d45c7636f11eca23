"""A search with all its processes: trials, results, failures and what the command says."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.sweep.run import run_sweep
from lstmzoo.sweep.scheduler.processes import _short_folder
from lstmzoo.sweep.space.load import load_sweep
from tests.helpers.forked import warm
from tests.helpers.searches import ended, rows, start, those_of
from tests.helpers.trying import BASE, SPACE


@pytest.fixture(autouse=True, scope="module")
def forked():
    """Searches that are called here fork from the process that those of the helpers fork from."""
    warm()


def test_a_search_ends_with_all_trials_and_results_and_is_not_repeated(sweep, tmp_path):
    path = sweep({"kind": "random", "trials": 5})
    assert ended(start(path, tmp_path / "d")) == (0, "")
    found = rows(tmp_path / "d")
    assert [row["status"] for row in found] == ["COMPLETED"] * 5
    assert list(found[0]) == ["trial", "status", "reason", *SPACE, "val_loss"]
    values = [float(row["val_loss"]) for row in found]
    assert values == sorted(values)
    best = tmp_path / "d" / found[0]["trial"]
    assert (tmp_path / "d" / "best.yaml").read_text().endswith((best / "config.yaml").read_text())
    expected = {"leaderboard.csv", "leaderboard.md", "best.yaml", "plots", "tensorboard", "logs", "search"}
    assert {each.name for each in (tmp_path / "d").iterdir()} == expected | {f"trial-{n:04d}" for n in range(5)}
    assert {each.name for each in (tmp_path / "d" / "plots").iterdir()} == {
        "objective.png",
        "curves.png",
        "parallel.png",
    }
    assert ended(start(path, tmp_path / "d", workers=1)) == (0, "")  # nothing is left to do
    sweep({"kind": "random", "trials": 7})
    assert ended(start(path, tmp_path / "d")) == (0, "")  # more of them
    more = rows(tmp_path / "d")
    assert len(more) == 7
    assert {tuple(row.items()) for row in found} <= {tuple(row.items()) for row in more}
    assert all((each / "times.txt").read_text() == "ended\n" for each in (tmp_path / "d").glob("trial-*"))


@pytest.mark.slow
def test_failures_are_rows_with_reasons_and_the_search_goes_on(sweep, tmp_path):
    space = {"model.units": {"min": 1, "max": 6}}
    path = sweep({"kind": "grid"}, space, max_failed=0.7, trial_timeout=3)
    assert ended(start(path, tmp_path / "d", "tests.helpers.trying:failing"))[0] == 0
    found = {row["model.units"]: row for row in rows(tmp_path / "d")}
    assert [found[str(units)]["status"] for units in range(1, 7)] == ["FAILED"] * 4 + ["COMPLETED"] * 2
    reasons = [
        "ValueError: one unit is not enough",
        "killed by SIGKILL 3 times",
        "timed out",
        "No space left on device",
    ]
    for units, reason in enumerate(reasons, 1):
        assert reason in found[str(units)]["reason"]
    log = tmp_path / "d" / "logs" / f"{found['1']['trial']}.log"
    assert "Traceback" in log.read_text()
    (tmp_path / "d" / "mended").touch()
    assert (
        ended(start(path, tmp_path / "d", "tests.helpers.trying:failing"))[0] == 0
    )  # what failed is tried again, but not for ever
    found = {row["model.units"]: row["status"] for row in rows(tmp_path / "d")}
    assert [found[str(units)] for units in range(1, 7)] == ["FAILED"] * 3 + ["COMPLETED"] * 3


@pytest.mark.slow
def test_too_many_failures_end_the_search_and_the_next_start_goes_on(sweep, tmp_path):
    choices = [4, [4, 1], 5, 6, 7, [4, 2], [4, 3], [4, 4]]
    space = {"model.kind": "stacked_layers", "model.units": {"choices": choices}}
    path = sweep({"kind": "grid"}, space, max_failed=0.25)
    process = start(path, tmp_path / "d", "tests.helpers.trying:failing", workers=1)
    assert ended(process)[0] == 0
    statuses = [row["status"] for row in sorted(rows(tmp_path / "d"), key=lambda row: row["trial"])]
    assert statuses[:6].count("FAILED") == 3  # more than a quarter of eight
    assert len(statuses) == 6
    (tmp_path / "d" / "mended").touch()
    assert ended(start(path, tmp_path / "d", "tests.helpers.trying:failing", workers=1))[0] == 0
    assert [row["status"] for row in rows(tmp_path / "d")] == ["COMPLETED"] * 8


def test_a_reason_is_cut_and_the_log_has_all_of_it(sweep, tmp_path):
    path = sweep({"kind": "grid"}, {"model.units": {"choices": [4, 5]}}, max_failed=1.0)
    found = run_sweep(path, tmp_path / "d", 2, train="tests.helpers.trying:talkative")
    for trial in found.trials:
        assert trial.reason.startswith("ValueError: bad \\udcff name xxx")
        assert len(trial.reason) < 1100
        assert len((tmp_path / "d" / "logs" / f"{trial.name}.log").read_text()) > 300_000


def test_what_is_no_state_of_a_search_is_told(sweep, tmp_path):
    path = sweep({"kind": "grid"}, {"model.units": {"choices": [5, 6]}})
    run_sweep(path, tmp_path / "d", train="tests.helpers.trying:known")
    (tmp_path / "d" / "search" / "oracle.json").write_text('{"trials": [')
    with pytest.raises(InputError, match=r"expected a search's oracle.json of this version, received .*: restore it"):
        run_sweep(path, tmp_path / "d", train="tests.helpers.trying:known")
    for address in ("127.0.0.1", "127.0.0.1:80:90", "127.0.0.1:²", ":5000", "host:0"):
        with pytest.raises(InputError, match="chief: expected HOST:PORT"):
            run_sweep(path, tmp_path / "e", chief=address)


def test_the_order_of_a_space_is_part_of_a_search(sweep, tmp_path):
    space = {"model.units": {"choices": [5, 6]}, "train.batch_size": {"choices": [5, 10]}}
    run_sweep(sweep({"kind": "grid"}, space), tmp_path / "d", train="tests.helpers.trying:known")
    with pytest.raises(InputError, match="holds another one .order was "):
        run_sweep(
            sweep({"kind": "grid"}, dict(reversed(space.items()))), tmp_path / "d", train="tests.helpers.trying:known"
        )


def test_repeats_are_runs_with_seeds_of_their_own_and_their_mean(sweep, tmp_path):
    path = sweep({"kind": "grid", "repeats": 3}, {"model.units": {"choices": [5, 6]}})
    run_sweep(path, tmp_path / "d", 2, train="tests.helpers.trying:known")
    seeds = [
        yaml.safe_load((tmp_path / "d" / f"trial-0001{n}" / "config.yaml").read_text())["seed"]
        for n in ("", ".1", ".2")
    ]
    assert seeds == [0, 1, 2]
    assert len(rows(tmp_path / "d")) == 2


def test_hyperband_goes_on_in_the_promoted_trials_own_run(sweep, tmp_path):
    path = sweep({"kind": "hyperband"})
    found = run_sweep(path, tmp_path / "d", 2, train="tests.helpers.trying:known")
    lengths = [trial.values["train.epochs"] for trial in found.trials]
    assert len(lengths) == 9 + 5 + 3
    assert (lengths.count(1), lengths.count(3), lengths.count(9)) == (6, 5 - 1 + 2, 1 + 1 + 3)
    for trial in found.trials:
        config = yaml.safe_load((tmp_path / "d" / trial.name / "config.yaml").read_text())
        assert config["train"]["epochs"] == trial.values["train.epochs"]


def listening():
    """Addresses and ports that are listened on, of IPv4 and IPv6, as the kernel writes them."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path("/proc/net", name).read_text().splitlines()[1:]:
            if line.split()[3] == "0A":
                found.add(line.split()[1])
    return found


def test_nothing_listens_on_an_outside_address(sweep, tmp_path):
    before = listening()
    process = start(sweep({"kind": "random", "trials": 50}), tmp_path / "d", "tests.helpers.trying:slow")
    while not those_of(process.pid, "trial"):
        time.sleep(0.05)
    new = listening() - before
    os.killpg(process.pid, signal.SIGKILL)
    process.done()
    assert new
    assert {address.rpartition(":")[0] for address in new} <= {"0100007F", "0000000000000000FFFF00000100007F"}


def test_another_sweeps_directory_is_refused(sweep, tmp_path):
    run_sweep(
        sweep({"kind": "grid"}, {"model.units": {"choices": [5, 6]}}),
        tmp_path / "d",
        train="tests.helpers.trying:known",
    )
    other = load_sweep(sweep({"kind": "grid"}, {"model.units": {"choices": [5, 7]}}))
    with pytest.raises(
        InputError, match=r"holds another one \(space.model.units.choices was \[5, 6\] and is \[5, 7\]\)"
    ):
        run_sweep(other, tmp_path / "d")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "mine.txt").touch()
    with pytest.raises(InputError, match="holds something else"):
        run_sweep(other, tmp_path / "e")


@pytest.mark.slow
def test_best_yaml_gives_the_leaderboards_number_bit_for_bit(sweep, tmp_path):
    base = {**BASE, "train": {"steps": 150}, "validate": {"every_steps": 50}, "execution": {"kernel": "scan"}}
    space = {"model.units": {"min": 2, "max": 6}, "model.kind": {"choices": ["single", "stacked_layers"]}}
    path = sweep({"kind": "random", "trials": 3}, space, base)
    found = lstmzoo.run_sweep(path, tmp_path / "d", 2)
    result = lstmzoo.train_run(tmp_path / "d" / "best.yaml", tmp_path / "again")
    assert result["best"]["val_loss"] == found.best.objective == float(rows(tmp_path / "d")[0]["val_loss"])
    trial = tmp_path / "d" / found.best.name
    assert json.loads((trial / "result.json").read_text())["best"] == result["best"]
    assert not list((trial / "plots").glob("*"))


@pytest.mark.slow
def test_hyperbands_best_yaml_gives_its_number_too(sweep, tmp_path):
    base = {**BASE, "train": {"steps": 120}, "execution": {"kernel": "scan"}}
    found = lstmzoo.run_sweep(
        sweep({"kind": "hyperband", "smallest": 40}, {"model.units": {"min": 2, "max": 9}}, base), tmp_path / "d", 2
    )
    result = lstmzoo.train_run(tmp_path / "d" / "best.yaml", tmp_path / "again")
    assert result["best"]["val_loss"] == found.best.objective


@pytest.mark.slow
def test_the_command_tells_of_runs_that_diverge_and_ends_with_status_1(sweep, tmp_path):
    base = {**BASE, "train": {"steps": 40}, "execution": {"kernel": "scan"}}
    space = {"train.optimizer": {"choices": [{"name": "adam"}, {"name": "sgd", "learning_rate": 3e38}]}}
    path = sweep({"kind": "grid"}, space, base, max_failed=0.4)
    command = [sys.executable, "-m", "lstmzoo.sweep", str(path), "--dir", str(tmp_path / "d"), "--workers", "1"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 1
    assert (
        "1 of 2 trials have failed, more than max_failed 0.4 allows; the first: trial-0001: diverged: " in found.stderr
    )
    assert "Traceback" not in found.stderr
    by_name = {row["trial"]: row for row in rows(tmp_path / "d")}
    assert (by_name["trial-0000"]["status"], by_name["trial-0001"]["status"]) == ("COMPLETED", "FAILED")
    assert by_name["trial-0000"]["train.optimizer"] == "{name: adam}"
    assert "best: trial-0000  val_loss " in found.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chief": "no-such-host.invalid:5000"}, "chief: expected a host that exists, received 'no-such-host.invalid:5000'"),
        ({"join": "no-such-host.invalid:5000"}, "join: expected a host that exists"),
        ({"chief": "a..b:5000"}, "chief: expected a host that exists, received 'a..b:5000'"),
        ({"chief": "192.0.2.1:5000"}, "chief: expected an address of this machine, received '192.0.2.1:5000'"),
        ({"chief": "[2001:db8::1]:5000"}, "chief: expected an address of this machine"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_is_told_at_once(sweep, tmp_path, options, message):
    with pytest.raises(InputError, match=message.replace("[", "\\[")):
        run_sweep(sweep({"kind": "grid"}, {"model.units": {"choices": [5, 6]}}), tmp_path / "d", **options)
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "chief: expected a port above 1023 .*, received '127.0.0.1:80' .Permission denied."),
        (errno.EADDRNOTAVAIL, "chief: expected an address of this machine, received '127.0.0.1:80'"),
        (
            errno.ENOBUFS,
            "chief: expected an address that a server can use, received '127.0.0.1:80' .No buffer space available.",
        ),
    ],
)
def test_why_an_address_cannot_be_listened_at_is_told(sweep, tmp_path, monkeypatch, number, message):
    def bind(self, address):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(InputError, match=message):
        run_sweep(sweep({"kind": "grid"}, {"model.units": {"choices": [5, 6]}}), tmp_path / "d", chief="127.0.0.1:80")


def test_a_long_temporary_folder_has_room_for_no_socket_and_needs_none(tmp_path, monkeypatch):
    long = tmp_path / ("t" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with _short_folder():
        assert len(tempfile.gettempdir()) < 70
    assert tempfile.gettempdir() == str(long)
