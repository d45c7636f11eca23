"""A sweep's directory is not trusted: what is forged in it is refused, and nothing is written outside."""

import copy
import json
import os

import pytest
from hypothesis import given, settings, strategies as st

from lstmzoo.errors import InputError
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.scheduler.oracles import make_oracle
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.sweep.state import read_state
from lstmzoo.system.files import open_to_append
from tests.helpers.trying import SPACE, write_sweep

KINDS = {"random": {"kind": "random", "trials": 9}, "hyperband": {"kind": "hyperband"}}
HUGE = 10**30


def saved(kind, folder):
    """A search, and its state with trials of every status."""
    base = {"task": {"kind": "echo"}, "model": {"units": 4}, "train": {"epochs": 9}}
    search = load_sweep(write_sweep(folder, KINDS[kind], SPACE, base))
    oracle = make_oracle(search, folder / "oracle.json")
    trials = [oracle.create_trial(worker) for worker in "abcd"]
    oracle.end(trials[0].trial_id, 1.5, "")
    oracle.end(trials[1].trial_id, None, "diverged")
    oracle.take_back(trials[2].trial_id)
    return search, json.loads((folder / "oracle.json").read_text())


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return {kind: saved(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def laid(data, path, value):
    """A copy with another value at a path; without the key if the value is None there."""
    changed = copy.deepcopy(data)
    *above, last = path
    part = changed
    for key in above:
        part = part[key]
    part[last] = value
    return changed


FORGED = [
    (("trials",), {}), (("trials",), [1]), (("trials",), [[]]), (("trials", 0), {}),
    (("trials", 0, "name"), "../../x"), (("trials", 0, "name"), "0001"), (("trials", 0, "name"), 0),
    (("trials", 0, "status"), "DONE"), (("trials", 0, "status"), "RUNNING"), (("trials", 3, "status"), "COMPLETED"),
    (("trials", 0, "score"), None), (("trials", 0, "score"), "1.5"), (("trials", 0, "score"), float("nan")),
    (("trials", 0, "score"), float("inf")), (("trials", 1, "score"), 0.1), (("trials", 1, "reason"), None),
    (("trials", 1, "reason"), ["x"]), (("trials", 0, "values"), {}), (("trials", 0, "values"), []),
    (("trials", 0, "values", "tuner/run"), -1), (("trials", 0, "values", "tuner/run"), HUGE),
    (("trials", 0, "values", "tuner/run"), "0"), (("trials", 0, "values", "tuner/run"), 7),
    (("trials", 0, "values", "model.units"), 99), (("trials", 0, "values", "model.units"), 1.0),
    (("trials", 0, "values", "model.units"), "4"), (("trials", 0, "values", "model.units"), -1),
    (("trials", 0, "values", "train.optimizer.learning_rate"), 5.0),
    (("trials", 0, "values", "train.optimizer.learning_rate"), float("nan")),
    (("trials", 0, "values", "task.text"), "/etc/passwd"),
    (("ongoing_trials",), []), (("ongoing_trials",), {"a": "9999"}), (("ongoing_trials",), {"a": "0000"}),
    (("ongoing_trials",), {}), (("retry_queue",), ["0000"]), (("retry_queue",), ["0002", "0002"]), (("retry_queue",), "0002"),
    (("end_order",), []), (("end_order",), ["0000", "0001", "0001"]), (("end_order",), [0, 1]),
    (("seed_state",), "x"), (("seed_state",), -1), (("seed_state",), HUGE), (("forgiven",), 99), (("forgiven",), None),
]  # fmt: skip
HYPERBAND = [
    (("brackets",), None), (("brackets",), {}), (("brackets", 0, "bracket_num"), 9), (("brackets", 0, "rounds"), []),
    (("brackets", 0, "rounds", 0, 0, "id"), "9999"), (("brackets", 0, "rounds", 1), [{"past_id": "9999", "id": "0000"}]),
    (("brackets", 0, "rounds", 0, 0), {}), (("current_bracket",), 9), (("current_bracket",), -1),
    (("trials", 0, "values", "tuner/epochs"), 0), (("trials", 0, "values", "tuner/epochs"), HUGE),
    (("trials", 0, "values", "tuner/round"), 9), (("trials", 0, "values", "tuner/round"), 1), (("trials", 0, "values", "tuner/round"), None),
]  # fmt: skip
WHOLE = [b"", b"{", b"[]", b"null", b"1", b"NaN", b"{}", b"\xff", b"[" * 100_000, b'{"trials": []}', b"1" * 5000]


def refused(search, path, content):
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"expected a search's oracle.json of this version, received .*: restore it"
    ) as found:
        read_state(path, search)
    assert len(str(found.value)) < 600


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_state_is_refused(states, tmp_path, kind):
    search, state = states[kind]
    (tmp_path / "oracle.json").write_text(json.dumps(state))
    assert len(read_state(tmp_path / "oracle.json", search).trials) == 4
    for path, value in [*FORGED, *(HYPERBAND if kind == "hyperband" else [])]:
        refused(search, tmp_path / "oracle.json", json.dumps(laid(state, path, value)).encode())
    for content in WHOLE:
        refused(search, tmp_path / "oracle.json", content)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3), max_leaves=5)  # fmt: skip


def paths(data, above=()):
    """The path of every part of some data."""
    for key, part in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*above, key)
        yield from paths(part, (*above, key))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_search_goes_on_from_whatever_is_not_refused(states, tmp_path_factory, data):
    search, state = states[data.draw(st.sampled_from(sorted(KINDS)))]
    changed = laid(state, data.draw(st.sampled_from(list(paths(state)))), data.draw(JSON))
    path = tmp_path_factory.mktemp("forged") / "oracle.json"
    path.write_text(json.dumps(changed))
    try:
        oracle = make_oracle(search, path)
    except InputError:
        return
    for worker in "adxyz":
        oracle.create_trial(worker)


LINKS = ["search", "logs", "plots", "tensorboard", "trial-0000", "search/key", "search/.lock", "search/chief.log", "search/oracle.json", "logs/trial-0000.log", "tensorboard/trial-0000", "best.yaml", "leaderboard.csv"]  # fmt: skip


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_no_part_may_be_elsewhere(states, tmp_path, name, kind):
    search, _ = states["random"]
    directory = SweepDirectory(tmp_path / "d").prepare(search)
    directory.tensorboard.mkdir()
    part, elsewhere = directory.path / name, tmp_path / "elsewhere"
    if part.is_dir():
        part.rename(elsewhere)
    else:
        elsewhere.write_text("mine")
        part.unlink(missing_ok=True)
    if kind == "link":
        part.symlink_to(elsewhere)
    else:
        os.mkfifo(part)
    before = elsewhere.read_text() if elsewhere.is_file() else sorted(elsewhere.iterdir())
    with pytest.raises(InputError, match=r"sweep directory: expected .* of its own, received .*: remove it, or choose"):
        SweepDirectory(tmp_path / "d").prepare(search)
    assert before == (elsewhere.read_text() if elsewhere.is_file() else sorted(elsewhere.iterdir()))


@pytest.mark.parametrize("content", [b"", b"\n", b"0" * 31, b"0" * 33, b"g" * 32, b"\xff" * 32, b"0" * 32 + b"\n"])
def test_a_key_that_anybody_could_guess_opens_nothing(states, tmp_path, content):
    directory = SweepDirectory(tmp_path).prepare(states["random"][0])
    assert len(directory.key) == 32 and directory.key_file.stat().st_mode & 0o777 == 0o600
    directory.key_file.write_bytes(content)
    for use in (lambda: directory.key, lambda: directory.prepare(states["random"][0])):
        with pytest.raises(
            InputError, match=r"expected a sweep's key of 32 hexadecimal digits.*: remove it, and the next"
        ):
            use()
    directory.key_file.unlink()
    assert len(directory.prepare(states["random"][0]).key) == 32


def test_a_definition_deeper_than_any_sweep_is_refused(states, tmp_path):
    directory = SweepDirectory(tmp_path).prepare(states["random"][0])
    for content in ('{"a": ' * 5000 + "1" + "}" * 5000, "[]", "{", json.dumps({"base_data": "x" * 10**6})):
        directory.definition.write_text(content)
        with pytest.raises(InputError) as found:
            directory.prepare(states["random"][0])
        assert len(str(found.value)) < 1000


def test_a_log_is_one_file_of_its_own(tmp_path):
    log, backup = tmp_path / "a.log", tmp_path / "backup.log"
    os.write(open_to_append(log), b"one\n")
    os.link(log, backup)
    os.write(open_to_append(log), b"two\n")
    assert (log.read_text(), backup.read_text()) == ("one\ntwo\n", "one\n")
    (tmp_path / "link.log").symlink_to(log)
    os.mkfifo(tmp_path / "pipe.log")
    for name in ("link.log", "pipe.log"):
        with pytest.raises(OSError, match=name):
            open_to_append(tmp_path / name)
