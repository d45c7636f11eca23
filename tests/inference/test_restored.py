"""Commands that go on from a state: pieces equal the whole."""

import json

import numpy as np
import pytest

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.inference.runtimes import RUNTIMES
from lstmzoo.sample import sample
from lstmzoo.score import score
from lstmzoo.system.command_line import exit_status
from tests.helpers.rows import few
from tests.helpers.text_runs import write_text_run

TEXT = "def f(x):\n    return [y for y in x if y]\n\n\nclass A:\n    def g(self):\n        pass\n" * 9
OTHERS = RUNTIMES[2:]  # than NumPy: slow rows, a table of one option
OPTIONS = [{"prompt": "def ", "seed": 7}, {}, {"samples": 3, "prompt": "x"}, {"temperature": 0, "prompt": "c"}]
CUTS = [(2, 3, 512), (300,), (1, 257)]


def table(rows):
    always = [("numpy", row) for row in rows]
    return few([*always, *((runtime, rows[0]) for runtime in OTHERS)], always)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_text_run(tmp_path_factory.mktemp("text") / "run", TEXT)


@pytest.fixture
def state(tmp_path):
    return tmp_path / "s.safetensors"


@pytest.mark.parametrize(("runtime", "options"), table(OPTIONS))
def test_two_texts_are_one(run, state, runtime, options):
    def text(length, **more):
        found = lstmzoo.sample_text(run, length=length, runtime=runtime, **{**options, **more})
        return found if isinstance(found, list) else [found]

    whole, first = text(200), text(130, save_state=state)
    on = {"prompt": "", "state": state, "seed": None}
    second = text(40, save_state=state, **on)
    third = text(30, **on)
    assert [*map("".join, zip(first, second, third, strict=True))] == whole


def test_a_prompt_follows_the_state_and_another_seed_begins_another_stream(run, state):
    lstmzoo.sample_text(run, prompt="def f(", length=0, save_state=state)  # reads a history and draws nothing
    on = lstmzoo.sample_text(run, prompt="x):", length=60, state=state, seed=3)
    assert on == lstmzoo.sample_text(run, prompt="def f(x):", length=60, seed=3)[6:]
    lstmzoo.sample_text(run, prompt="def", length=50, seed=5, save_state=state)
    same, other = (lstmzoo.sample_text(run, length=60, state=state, seed=seed) for seed in (5, 6))
    assert same == lstmzoo.sample_text(run, prompt="def", length=110, seed=5)[53:]
    assert same != other


def test_a_text_that_ends_with_stop_goes_on_after_it(run, state):
    options = {"prompt": "d", "seed": 1}
    whole = lstmzoo.sample_text(run, length=300, **options)
    stop = whole[150:152]
    first = lstmzoo.sample_text(run, length=300, stop=stop, save_state=state, **options)
    assert whole.startswith(first)
    assert len(first) < 160
    assert first + lstmzoo.sample_text(run, length=100, state=state) == whole[: len(first) + 100]


def test_a_stream_goes_on_with_a_text_and_a_text_with_a_stream(run, state):
    stream = lstmzoo.stream(run)
    stream.run("def f(")
    stream.save(state)
    text = lstmzoo.sample_text(run, length=50, state=state, temperature=0, save_state=state)
    assert text == lstmzoo.sample_text(run, prompt="def f(", length=50, temperature=0)[6:]
    on = lstmzoo.stream(run, state=state)
    assert on.steps.tolist() == [56]
    stream.run(text)
    assert np.array_equal(on.run("pass"), stream.run("pass"))


def nats(scores):
    return scores["carried"]["nats"] * scores["targets"]


@pytest.mark.parametrize(("runtime", "cuts"), table(CUTS))
def test_scores_of_pieces_add_up_to_the_whole(run, state, runtime, cuts):
    whole, pieces = lstmzoo.score_text(run, TEXT, runtime=runtime), []
    for first, last in zip((0, *cuts), (*cuts, len(TEXT)), strict=True):
        stream, part = lstmzoo.stream(run, state=state if first else None), TEXT[first:last]
        if last > 1:
            on = state if first else None
            pieces.append(lstmzoo.score_text(run, part, runtime=runtime, state=on, save_state=state))
        else:  # one symbol alone is no score
            stream.run(part)
            stream.save(state)
        assert lstmzoo.stream(run, state=state).steps.tolist() == [last]
    assert sum(each["targets"] for each in pieces) == whole["targets"]
    assert sum(map(nats, pieces)) == pytest.approx(nats(whole), rel=1e-6)
    assert all(("cold" in each) == (at == 0 and cuts[0] > 1) for at, each in enumerate(pieces))


def test_scores_after_a_state_are_printed_without_cold(run, state, tmp_path, capsys):
    (tmp_path / "text").write_text(TEXT)
    assert exit_status(lambda: score(run, tmp_path / "text", save_state=state)) == 0
    assert "cold (windows of 256)" in capsys.readouterr().out
    assert exit_status(lambda: score(run, tmp_path / "text", state=state)) == 0
    found = capsys.readouterr().out
    assert "carried (one lane)" in found
    assert "cold" not in found
    assert exit_status(lambda: score(run, tmp_path / "text", state=state, as_json=True)) == 0
    assert sorted(json.loads(capsys.readouterr().out)) == ["carried", "step", "symbols", "targets"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"state": "none"}, "none': expected the state of a stream, received no such file"),
        ({"save_state": "taken"}, "taken': expected a new path for the state, or that of an older state"),
        ({"save_state": "no/folder"}, "folder': expected a new path for the state"),
        ({"state": "two"}, "two': expected the state of 1 lane, received one of 2 lanes"),
        ({"state": "other"}, "other': expected the state of this model (weights"),
        ({"samples": 2, "stop": "x", "save_state": "new"}, "stop: expected none where the state of several samples"),
    ],
)
def test_a_state_that_cannot_serve_is_refused_before_anything_is_drawn(run, tmp_path, options, said, capsys):
    (tmp_path / "taken").write_text("mine")
    lstmzoo.stream(run, lanes=2).save(tmp_path / "two")
    lstmzoo.stream("zoo:char_python").save(tmp_path / "other")
    at = {name: tmp_path / value if "state" in name else value for name, value in options.items()}
    assert exit_status(lambda: sample(run, length=50, **at)) == 2
    printed = capsys.readouterr()
    assert (printed.out, said in printed.err, printed.err.count("\n")) == ("", True, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "taken", "two"]
    if "samples" not in options:
        with pytest.raises(InputError):
            lstmzoo.score_text(run, TEXT, **at)
