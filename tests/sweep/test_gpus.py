"""Workers and GPUs: who gets which, what its trials see, and what is refused."""

import json
from collections import Counter

import pytest

from lstmzoo.errors import InputError
from lstmzoo.sweep.__main__ import sweep as command
from lstmzoo.sweep.gpus import describe_shares, read_gpus, share_gpus
from lstmzoo.sweep.progress import SilentWatch
from lstmzoo.sweep.run import run_sweep
from lstmzoo.system.command_line import exit_status
from tests.helpers.forked import warm

UUIDS = "GPU-8932f937-d72c,GPU-5c89852c-d268"


@pytest.mark.parametrize(
    ("visible", "listed", "options", "shares", "text"),
    [
        (None, None, {}, [None], "no GPU, 1 trial at a time"),
        (None, None, {"workers": 3}, [None] * 3, "no GPU, 3 trials at a time"),
        (None, None, {"workers": 2, "workers_per_gpu": 1}, [None] * 2, "no GPU, 2 trials at a time"),
        (None, None, {"gpus": ()}, ["-1"], "no GPU, 1 trial at a time"),
        (None, None, {"leads": True}, [], "no GPU, 0 trials at a time"),
        (1, None, {}, ["0"], "1 GPU (0), 1 trial at a time"),
        (1, None, {"workers": 2}, ["0", "0"], "1 GPU (0), 2 trials at a time"),
        (2, None, {}, ["0", "1"], "2 GPUs (0, 1), 2 trials at a time"),
        (2, None, {"workers_per_gpu": 2}, ["0", "1"] * 2, "2 GPUs (0, 1), 4 trials at a time"),
        (2, None, {"workers": 1}, ["0"], "1 GPU (0), 1 trial at a time"),
        (2, None, {"workers": 3}, ["0", "1", "0"], "2 GPUs (0, 1), 3 trials at a time"),
        (2, None, {"workers": 3, "workers_per_gpu": 2}, ["0", "1", "0"], "2 GPUs (0, 1), 3 trials at a time"),
        (2, None, {"gpus": [1]}, ["1"], "1 GPU (1), 1 trial at a time"),
        (2, None, {"gpus": [1], "workers": 2}, ["1", "1"], "1 GPU (1), 2 trials at a time"),
        (2, None, {"gpus": []}, ["-1"], "no GPU, 1 trial at a time"),
        (2, None, {"gpus": [], "workers": 2}, ["-1", "-1"], "no GPU, 2 trials at a time"),
        (2, None, {"leads": True}, [], "no GPU, 0 trials at a time"),
        (2, None, {"leads": True, "gpus": []}, [], "no GPU, 0 trials at a time"),
        (2, None, {"leads": True, "gpus": [0, 1]}, ["0", "1"], "2 GPUs (0, 1), 2 trials at a time"),
        (2, None, {"leads": True, "workers_per_gpu": 1}, ["0", "1"], "2 GPUs (0, 1), 2 trials at a time"),
        (8, "6,3", {}, ["6", "3"], "2 GPUs (6, 3), 2 trials at a time"),
        (8, "6,3", {"gpus": [1]}, ["3"], "1 GPU (3), 1 trial at a time"),
        (8, UUIDS, {"gpus": [1, 0]}, UUIDS.split(",")[::-1], "2 GPUs (GPU-5c89852c, GPU-8932f937), 2 trials at a time"),
        (8, "-1", {}, [None], "no GPU, 1 trial at a time"),
    ],
)
def test_workers_take_the_gpus_in_turn(driver, visible, listed, options, shares, text):
    driver(visible, listed)
    found = share_gpus(**{"workers": None, "gpus": None, "workers_per_gpu": None, **options})
    assert (found, describe_shares(found, "gpu")) == (shares, text)


@pytest.mark.parametrize(
    ("visible", "listed", "options", "message"),
    [
        (None, None, {"gpus": "0"}, "gpus: expected none, received [0] (no NVIDIA driver is loaded): leave it out to use the processor"),
        (2, "-1", {"gpus": "0"}, "gpus: expected none, received [0] (CUDA_VISIBLE_DEVICES=-1 hides every GPU): leave it out to use the processor"),
        (2, None, {"gpus": "0,2"}, "gpus, indices of the visible GPUs (0, 1): expected an integer from 0 to 1, received 2"),
        (8, "6,3", {"gpus": "6"}, "gpus, indices of the visible GPUs (6, 3): expected an integer from 0 to 1, received 6"),
        (2, None, {"gpus": "1,0,1"}, "gpus: expected each once, received [1, 0, 1]: workers per GPU put more on each"),
        (2, None, {"gpus": "-1"}, "--gpus: expected indices such as 0,1 (or an empty text for none), received '-1'"),
        (2, None, {"gpus": "0,,1"}, "--gpus: expected indices such as 0,1 (or an empty text for none), received '0,,1'"),
        (2, None, {"gpus": "9" * 5000}, f"--gpus: expected indices such as 0,1 (or an empty text for none), received '{'9' * 56}..."),
        (2, None, {"gpus": "²"}, "--gpus: expected indices such as 0,1 (or an empty text for none), received '²'"),
        (2, None, {"workers_per_gpu": 0}, "--workers-per-gpu: expected 1 or more, and at most 100,000, received 0"),
        (2, None, {"workers": 5, "workers_per_gpu": 2}, "workers: expected at most 4 (GPUs: 2, workers per GPU: 2), received 5"),
        (None, None, {"workers_per_gpu": 2}, "workers per GPU: expected a GPU, received none (no NVIDIA driver is loaded): leave it out"),
        (2, None, {"gpus": "", "workers_per_gpu": 2}, "workers per GPU: expected a GPU, received none (none was asked for): leave it out"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_and_status_2(sweep, tmp_path, driver, capsys, visible, listed, options, message):
    driver(visible, listed)
    path = sweep({"kind": "grid"}, {"model.units": {"choices": [5, 6]}})
    assert exit_status(lambda: command(path, directory=str(tmp_path / "d"), **options)) == 2
    assert capsys.readouterr().err == f"{message}\n"
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpus": [True]}, "expected an integer from 0 to 1, received True"),
        ({"gpus": [0.0]}, "expected an integer from 0 to 1, received 0.0"),
        ({"gpus": [-1]}, "expected an integer from 0 to 1, received -1"),
        ({"gpus": 2}, r"gpus: expected a list of indices such as \[0, 1\], received 2"),
        ({"gpus": "0,1"}, r"gpus: expected a list of indices such as \[0, 1\], received '0,1'"),
        ({"workers": 0}, "workers: expected an integer from 1 to 100,000, received 0"),
        ({"workers": "2"}, "workers: expected an integer from 1 to 100,000, received '2'"),
        ({"workers_per_gpu": -1}, "workers per GPU: expected an integer from 1 to 100,000, received -1"),
    ],
)
def test_a_function_refuses_what_a_command_cannot_say(driver, options, message):
    driver(2)
    with pytest.raises(InputError, match=message):
        run_sweep("echo", "nowhere", **options)


@pytest.mark.parametrize(("text", "indices"), [("", []), (" ", []), ("3", [3]), ("0,1", [0, 1]), (" 1, 0 ", [1, 0])])
def test_a_list_of_gpus_is_read(text, indices):
    assert read_gpus(text) == indices


class Saying(SilentWatch):
    """Keeps the lines."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


def test_each_trial_sees_the_gpu_of_its_worker_and_no_other(sweep, tmp_path, driver):
    """Two GPUs of the user's list, two workers each; a trial that is killed gets the same GPU again."""
    warm()
    driver(4, "3,GPU-8932f937-d72c,1")
    path, watch = sweep({"kind": "grid"}, {"model.units": {"min": 1, "max": 8}}), Saying()
    found = run_sweep(
        path, tmp_path / "d", gpus=[1, 2], workers_per_gpu=2, watch=watch, train="tests.helpers.trying:looking"
    )
    assert [trial.status for trial in found.trials] == ["completed"] * 8
    assert any(line.startswith("2 GPUs (GPU-8932f937, 1), 4 trials at a time") for line in watch.lines)
    seen = {trial.name: _seen(tmp_path / "d" / trial.name) for trial in found.trials}
    assert Counter(map(len, seen.values())) == {1: 7, 2: 1}
    assert all(len({each["CUDA_VISIBLE_DEVICES"] for each in attempts}) == 1 for attempts in seen.values())
    attempts = [attempt for attempts in seen.values() for attempt in attempts]
    assert {attempt["TF_FORCE_GPU_ALLOW_GROWTH"] for attempt in attempts} == {"true"}
    for gpu in ("GPU-8932f937-d72c", "1"):
        times = [(each["start"], each["end"]) for each in attempts if each["CUDA_VISIBLE_DEVICES"] == gpu]
        assert max(sum(start <= moment < end for start, end in times) for moment, _ in times) == 2


def _seen(run_dir):
    return [json.loads(line) for line in (run_dir / "seen.jsonl").read_text().splitlines()]
