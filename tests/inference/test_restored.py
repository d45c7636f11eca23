"""Commands that go on from a state: pieces equal the whole."""

import json

import numpy as np
import pytest

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.inference.runtimes import RUNTIMES
from lstmzoo.predict import predict
from lstmzoo.sample import sample
from lstmzoo.score import score
from lstmzoo.system.command_line import exit_status
from tests.helpers.rows import few
from tests.helpers.series_runs import write_run
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


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path_factory.mktemp("cache")))


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


def test_a_score_that_leaves_no_state_reads_nothing_again(run, state, monkeypatch):
    lstmzoo.score_text(run, TEXT, save_state=state)
    monkeypatch.delattr("lstmzoo.inference.scoring.open_runner")
    assert lstmzoo.score_text(run, TEXT, state=state)["targets"] == len(TEXT)


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


def table_of(path, columns):
    rows = [
        "" if np.isnan(value) else repr(float(value)) for row in zip(*columns.values(), strict=True) for value in row
    ]
    lines = [",".join(rows[k : k + len(columns)]) for k in range(0, len(rows), len(columns))]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


def predictions_of(path):
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]
    return [[float(cell or "nan") for cell in line] for line in lines]


@pytest.mark.parametrize("horizon", [0, 1, 3, 70])
@pytest.mark.parametrize("runtime", few(RUNTIMES[1:], ["numpy"]))
def test_predictions_of_pieces_are_those_of_the_whole(tmp_path, state, horizon, runtime, monkeypatch):
    monkeypatch.setattr("lstmzoo.predict.start_tensorflow", lambda threads: None)  # it has started in this process
    draws = np.random.default_rng(2)
    a, b = draws.normal(1, 0.5, 90), draws.normal(11, 1.5, 90)
    b[draws.random(90) < 0.4] = np.nan
    b[50:60] = np.nan  # held across a cut
    run = write_run(tmp_path / "run", ["a", "b"], ["b"], held=["b"], horizon=horizon)
    parts, found = [(0, 55), (55, 56), (56, 90)], []
    whole = {"a": a, "b": b}
    assert not command(run, table_of(tmp_path / "all.csv", whole), tmp_path / "all-out.csv", runtime=runtime)
    for first, last in parts:
        part = table_of(tmp_path / f"{first}.csv", {name: column[first:last] for name, column in whole.items()})
        on = {"state": state} if first else {}
        out = tmp_path / f"{first}-out.csv"
        assert not command(run, part, out, runtime=runtime, save_state=state, **on)
        found += predictions_of(out)[: last - first]
    found += predictions_of(out)[last - first :]
    np.testing.assert_allclose(found, predictions_of(tmp_path / "all-out.csv"), rtol=1e-5)
    assert lstmzoo.stream(run, state=state).steps.tolist() == [90]


def command(run, table, out, **options):
    return exit_status(lambda: predict(run, table, out=out, **options))


def test_rows_of_an_array_go_on_and_steps_beyond_the_end_leave_the_state_of_the_last_row(tmp_path, state):
    run, wave = write_run(tmp_path / "run", ["a"]), np.sin(np.arange(60))
    whole = lstmzoo.predict_series(run, wave)
    first = lstmzoo.predict_series(run, wave[:25], save_state=state)
    assert np.array_equal(np.concatenate([first, lstmzoo.predict_series(run, wave[25:], state=state)]), whole)
    table = table_of(tmp_path / "in.csv", {"a": wave[:25]})
    assert not command(run, table, tmp_path / "out.csv", steps=9, save_state=state)
    assert np.array_equal(lstmzoo.stream(run, state=state).run(wave[25:]), whole[25:])


@pytest.mark.parametrize("runtime", ["numpy", "tensorflow"])
def test_predictions_depend_on_no_cut_to_the_last_bit(tmp_path, state, runtime):
    model = {"kind": "stacked_layers", "units": [20, 9]}
    run, values = write_run(tmp_path / "run", ["a", "b"], model=model), np.random.default_rng(3).normal(size=(1300, 2))
    whole = lstmzoo.predict_series(run, values, runtime=runtime)
    for first, last in ((0, 1), (1, 40), (40, 1200), (1200, 1300)):
        on = state if first else None
        part = lstmzoo.predict_series(run, values[first:last], runtime=runtime, state=on, save_state=state)
        np.testing.assert_array_equal(part, whole[first:last])
    np.testing.assert_array_equal(lstmzoo.stream(run, runtime=runtime).run(values), whole)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_a_state_of_any_kind_of_numbers_serves(tmp_path, state, dtype):
    run, wave = write_run(tmp_path / "run", ["a"]), (5 * np.sin(np.arange(60))).astype(dtype)
    whole = lstmzoo.predict_series(run, wave)
    np.save(tmp_path / "in.npy", wave[:25])
    assert not command(run, tmp_path / "in.npy", tmp_path / "out.csv", save_state=state)
    assert np.array_equal(lstmzoo.stream(run, state=state).run(wave[25:]), whole[25:])


def test_only_the_first_recording_of_a_table_goes_on(tmp_path, state):
    run = write_run(tmp_path / "run", ["a"], segment={"column": "id"})
    wave, ids = np.sin(np.arange(60)), np.repeat([1.0, 2], 30)
    lstmzoo.predict_series(run, wave, save_state=state)
    table = table_of(tmp_path / "in.csv", {"a": wave, "id": ids})
    assert not command(run, table, tmp_path / "out.csv", state=state)
    found = np.array(predictions_of(tmp_path / "out.csv"))[:, 1]
    twice = lstmzoo.predict_series(run, np.concatenate([wave, wave[:30]]))[59:]
    np.testing.assert_allclose(found[:30], twice[:30, 0], rtol=1e-6)
    np.testing.assert_allclose(found[31:], lstmzoo.predict_series(run, wave[30:])[:, 0], rtol=1e-6)
    assert np.isnan(found[30])


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
