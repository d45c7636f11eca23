"""Recordings: windows, weights, scaling and missing values against loops that read everything."""

import errno
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lstmzoo.data import segments
from lstmzoo.data.columns import Sound
from lstmzoo.data.table_writers import wav_writer
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.tasks.series import holding
from lstmzoo.tasks.series.facts import describe_recordings, facts_of
from lstmzoo.tasks.series.spec import SeriesSpec
from tests.helpers.series import QUIET, cases, naive_parts, naive_scaling, naive_windows, opened, recordings_of, spec_of

NAN = np.nan


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))


@settings(max_examples=60, **QUIET)
@given(case=cases(), data=st.data())
def test_windows_are_those_of_a_walk_through_all_rows(tmp_path_factory, case, data):
    found = opened(tmp_path_factory.getbasetemp(), case)
    for part, rows in zip((found.training, found.validating), naive_parts(case), strict=True):
        if part is None:
            assert rows == [] or not case[5]
            continue
        expected = naive_windows(case, rows, part.layout)
        count = part.layout.windows
        for got, wanted in zip(part.windows(0, count), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=2e-6)
        first = data.draw(st.integers(0, count - 1))
        some = part.windows(first, data.draw(st.integers(1, count - first)))
        for got, wanted in zip(some, part.windows(0, count), strict=True):
            np.testing.assert_array_equal(got, wanted[first : first + len(got)])


@settings(max_examples=30, **QUIET)
@given(case=cases(), block=st.sampled_from([1, 7, segments.BLOCK]))
def test_scaling_is_mean_and_deviation_of_the_training_part(tmp_path_factory, case, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "BLOCK", block)
        found = opened(tmp_path_factory.getbasetemp(), case).dataset.survey
    for name, mean, deviation in zip(found.columns, found.means, found.deviations, strict=True):
        means, deviations = naive_scaling(case)
        np.testing.assert_allclose([mean, deviation or 1], [means[int(name)], deviations[int(name)]], rtol=1e-11)


@settings(max_examples=30, **QUIET)
@given(case=cases())
def test_training_knows_nothing_of_what_is_validated_on(tmp_path_factory, case):
    """Other numbers there, missing at the same places, change nothing of it, bit for bit."""
    tables, *rest = case
    before = opened(tmp_path_factory.getbasetemp(), case)
    count = before.training.layout.windows
    wanted = before.training.windows(0, count)
    changed = [table.copy() for table in tables]
    for number, first, end, _ in naive_parts(case)[1]:
        changed[number][first:end, :3] += 1000
    after = opened(tmp_path_factory.getbasetemp(), (changed, *rest))
    assert after.dataset.scaling == before.dataset.scaling
    for one, other in zip(after.training.windows(0, count), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_long_gap_is_looked_back_over_once(tmp_path, monkeypatch):
    """Reads that go on remember the last value; one that begins within the gap finds it."""
    values = np.full((4000, 1), NAN)
    values[3], values[-1] = 7, 8
    spec = spec_of(tmp_path, [values], 1, {"missing": "hold", "horizon": 0, "inputs": (0,), "scale": "none"})
    looked, look_back = Counter(), holding.LastKnown._look_back
    monkeypatch.setattr(holding.LastKnown, "_look_back", lambda self, *a: looked.update(n=1) or look_back(self, *a))
    part = recordings_of(spec, 1, 100, 0, 0.0).training
    one_by_one = np.concatenate([part.windows(window, 1).inputs for window in range(40)])
    assert looked["n"] == 1
    np.testing.assert_array_equal(one_by_one, part.windows(0, 40).inputs)
    for window in (39, 7, 0, 20):
        np.testing.assert_array_equal(part.windows(window, 1).inputs[0], one_by_one[window])
    lane = one_by_one[:, 0].reshape(-1, 2)
    assert lane[0].tolist() == [7.5, 1] and lane[3].tolist() == [7, 0] and lane[-1].tolist() == [8, 0]
    assert (lane[4:-1] == [7, 1]).all()


@pytest.mark.parametrize("horizon", [0, 1, 3])
def test_the_place_of_a_step_is_that_of_the_next_target(tmp_path, horizon):
    """Also in padding, where the window has no row of the lane, and where a row has no target."""
    tables = [np.arange(1.0, rows + 1)[:, None] + 100 * number for number, rows in enumerate((17, 4, 6, 12))]
    spec = spec_of(tmp_path, tables, 4, {"scale": "none", "horizon": horizon, "inputs": (0,), "targets": (0,)})
    part = recordings_of(spec, 2, 5, 0, 0.0).training
    targets, weights = (
        np.concatenate(list(each), axis=1)[..., 0] for each in part.windows(0, part.layout.windows)[1:3]
    )
    for lane in range(2):
        (counted,) = np.nonzero(weights[lane])
        assert counted.size < counted[-1]
        for step in range(counted[-1] + 1):
            table, row = divmod(int(targets[lane, counted[counted >= step][0]]), 100)
            assert part.where(lane, step) == f"{table}.npy, row {row}"


CSV = "time,pressure,flow\n2020-01-01,1,10\n2020-01-02,2,11\n2020-01-03,3,\n2020-01-04,4,13\n"
FILES = {
    "pump.csv": CSV,
    "other.csv": "flow,pressure\n1,2\n3,4\n5,6\n",
    "lacks.csv": "pressure\n1\n2\n3\n",
    "word.csv": "pressure,flow\n1,2\n2,x\n3,4\n",
    "hole.csv": "pressure,flow\n1,2\n\n2,3\n,4\n5,6\n",
    "infinite.csv": "pressure,flow\n1,2\n2,inf\n3,4\n",
    "huge.csv": "pressure,flow\n1,2\n2,1e300\n3,4\n",
    "empty.csv": "pressure,flow\n1,\n2,\n3,\n",
    "late.csv": "pressure,flow\n1,1\n2,2\n3,3\n4,\n5,\n6,\n",
    "head.csv": "pressure,flow\n",
    "ragged.csv": "pressure,flow\n1,2\n3\n",
}
FLOW = {"inputs": "pressure", "targets": "flow"}
REFUSED = {  # files, keys of the section, (B, T, fraction), what the message says
    "no such column": ("pump.csv", {"inputs": "presure"}, (1, 1, 0.0), "pump.csv: expected one of its 3 columns, received 'presure'; did you mean pressure?"),
    "two at once": ("pump.csv", {"inputs": "presure", "targets": "flwo"}, (1, 1, 0.0), r"task.targets: .*pump.csv: expected one .*'flwo'; did you mean flow\?\ntask.inputs: .*'presure'"),
    "a column beyond": ("pump.csv", {"targets": 3}, (1, 1, 0.0), "expected one of its 3 columns, received 3"),
    "dates among all": ("pump.csv", {"targets": "flow"}, (1, 1, 0.0), r"pump.csv: column time: .*2020-01-01.*\(task.inputs is all columns unless it names some\)"),
    "a column that a file lacks": (["pump.csv", "lacks.csv"], FLOW, (1, 1, 0.0), "lacks.csv: expected one of its 1 columns, received 'flow'"),
    "one that a validation file lacks": ("pump.csv", FLOW | {"validation": "lacks.csv"}, (1, 1, 0.0), "lacks.csv: expected one"),
    "a name and its number": ("pump.csv", {"inputs": ["flow", 2]}, (1, 1, 0.0), "each column once, received 'flow' by its name and by its number"),
    "a word": ("word.csv", FLOW, (1, 1, 0.0), "word.csv: column flow: .*line 3.*'x'"),
    "a missing input": ("hole.csv", FLOW, (1, 1, 0.0), "hole.csv: line 5, column pressure: expected a number in each row of an input, received none: set task.missing: hold"),
    "a missing input in what is validated on": ("hole.csv", FLOW, (1, 1, 0.5), "hole.csv: line 5, column pressure"),
    "infinity": ("infinite.csv", FLOW, (1, 1, 0.0), "infinite.csv: .*line 3.*inf"),
    "beyond float32": ("huge.csv", FLOW, (1, 1, 0.0), r"huge.csv: line 3, column flow: expected a number of at most 3.4e\+38 .float32., received 1e\+300"),
    "all targets missing": ("empty.csv", FLOW, (1, 1, 0.0), "empty.csv: expected values of the column 'flow' to train on, received none"),
    "all inputs missing": ("empty.csv", {"inputs": "flow", "missing": "hold"}, (1, 1, 0.0), "values of the column 'flow' to train on"),
    "a head only": ("head.csv", FLOW, (1, 1, 0.0), "head.csv: expected rows of numbers, received none"),
    "ragged rows": ("ragged.csv", FLOW, (1, 1, 0.0), "ragged.csv.*line 3"),
    "shorter than a window": ("pump.csv", FLOW, (1, 5, 0.0), "expected a segment with 5 rows or more to train on, .* received at most 4 .*pump.csv"),
    "shorter than the horizon": ("pump.csv", FLOW | {"horizon": 4}, (1, 1, 0.0), "task.data: expected a segment with 5 rows or more to train on, .* received at most 4 .*pump.csv"),
    "the longest one is the second": (["other.csv", "hole.csv"], FLOW | {"horizon": 9, "missing": "hold"}, (1, 1, 0.0), r"with 10 rows or more to train on, .* received at most 4 \(.*/hole.csv\)"),
    "nothing left by the split": ("pump.csv", FLOW, (1, 1, 0.9), "with 2 rows or more to train on, .* validate.fraction"),
    "too little to validate on": ("pump.csv", FLOW, (1, 1, 0.1), "validate.fraction: expected more than 1 rows of a segment to validate on"),
    "a validation file too short": ("pump.csv", FLOW | {"horizon": 3, "validation": "other.csv"}, (1, 1, 0.0), "task.validation: expected more than 3 rows"),
    "a warm-up longer than all": ("pump.csv", FLOW | {"warmup": 3}, (1, 1, 0.0), "task, what is trained on: warmup: expected less than 3 steps"),
    "a warm-up longer than a validation": ("pump.csv", FLOW | {"warmup": 1, "horizon": 0}, (1, 1, 0.25), "task, what is validated on: warmup: expected less than 1"),
    "only targets at horizon 0": ("lacks.csv", {"targets": 0, "horizon": 0}, (1, 1, 0.0), "task.inputs: expected a column that is no target, as task.horizon is 0, received the targets 'pressure' alone"),
    "a weight more": ("pump.csv", FLOW | {"loss_weights": [2.0, 1.0]}, (1, 1, 0.0), r"task.loss_weights: expected a weight for each of 1 targets \('flow'\), received 2"),
    "a segment's column": ("pump.csv", FLOW | {"segment": {"column": "time"}}, (1, 1, 0.0), r"a segment with 2 rows or more to train on, .* received at most 1 \(.*pump.csv\)"),
    "a hole in it": ("hole.csv", FLOW | {"segment": {"column": "pressure"}}, (1, 1, 0.0), "hole.csv: line 5, column pressure: expected a value in the column that says the segment"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_message(case):
    data, keys, (batch_size, seq_length, fraction), says = REFUSED[case]
    with pytest.raises(InputError, match=says):
        recordings_of(SeriesSpec(kind="series", data=data, **keys), batch_size, seq_length, 0, fraction)


CHOSEN = {  # keys, inputs, targets
    "ahead: all, and the inputs": ({}, "flow pressure", "flow pressure"),
    "ahead, targets named": ({"targets": "flow"}, "flow pressure", "flow"),
    "the same row: all that are no targets": ({"targets": "flow", "horizon": 0}, "pressure", "flow"),
    "inputs named": ({"inputs": ["pressure"]}, "pressure", "pressure"),
    "by number": ({"inputs": [1], "targets": [0]}, "pressure", "flow"),
    "one of texts is none either": ({"segment": {"column": "who"}}, "flow pressure", "flow pressure"),
    "a segment's column is no input": ({"segment": {"column": "flow"}, "horizon": 0, "inputs": [1]}, "pressure", "pressure"),
}  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("case", CHOSEN)
def test_columns_that_are_not_named_have_a_rule(case):
    keys, inputs, targets = CHOSEN[case]
    keys = {"horizon": 1, **keys}
    if "segment" in keys:
        Path("other.csv").write_text("flow,pressure,who\n1,2,A\n1,4,A\n1,6,A\n")
    found = recordings_of(SeriesSpec(kind="series", data="other.csv", **keys), 1, 1, 0, 0.0)
    assert (" ".join(found.dataset.scaling.inputs), " ".join(found.dataset.scaling.targets)) == (inputs, targets)


@pytest.mark.parametrize("beside", [False, True], ids=["one file", "files side by side"])
def test_names_of_recordings_say_the_segments_as_numbers_do(tmp_path, beside):
    pumps, windows = [1, 1, 1, 0, 0, 1, 1, 1, 1], []
    for words in ("01", ["pump-A", '"pump-B, new"']):
        rows = [f"{words[pump]},{row * row}\n" for row, pump in enumerate(pumps)]
        (tmp_path / "pump.csv").write_text("pump,flow\n" + "".join(rows))
        data, name = (({"p": str(tmp_path / "pump.csv")},), "p.") if beside else (str(tmp_path / "pump.csv"), "")
        spec = SeriesSpec(kind="series", data=data, targets=f"{name}flow", segment={"column": f"{name}pump"})
        found = recordings_of(spec, 2, 2, 0, 0.0)
        assert [each.rows for each in found.dataset.segments] == [3, 2, 4]
        windows.append(found.training.windows(0, found.training.layout.windows))
    for names, numbers in zip(*windows, strict=True):
        np.testing.assert_array_equal(names, numbers)


@pytest.mark.usefixtures("folder")
def test_another_order_of_columns_is_read_by_name():
    spec = SeriesSpec(kind="series", data=["hole.csv", "other.csv"], inputs=[1], targets=[0], scale="none", horizon=0)
    found = recordings_of(spec, 1, 1, 0, 0.0).training.windows(0, 7)
    assert found.inputs.ravel().tolist() == [2, 3, 4, 6, 1, 3, 5]
    assert found.targets.ravel().tolist() == [1, 2, 0, 5, 2, 4, 6]
    assert found.weights.ravel().tolist() == [1, 1, 0, 1, 1, 1, 1]


def test_a_simulated_series_is_a_function_of_the_seed():
    spec = SeriesSpec(kind="series", data="narma10", rows=300, inputs="u", targets="y")
    one, same, other = (recordings_of(spec, 2, 50, seed, 0.1) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.training.windows(0, 3).targets, same.training.windows(0, 3).targets)
    assert one.dataset.sources.digests() == same.dataset.sources.digests() != other.dataset.sources.digests()
    assert one.dataset.tables[0].names == ("u", "y") and one.dataset.tables[0].rows == 300


def test_the_rates_of_all_sounds_are_equal(tmp_path):
    files = [str(tmp_path / f"{rate}.wav") for rate in (44_100, 48_000)]
    for file, rate in zip(files, (44_100, 48_000), strict=True):
        with wav_writer(Path(file), Sound(rate, "float32"), 2, print) as write:
            write(np.random.default_rng(0).uniform(-1, 1, (50, 2)))
    with pytest.raises(InputError, match=r"48000.wav: expected 44,100 Hz as .*44100.wav has, received 48,000 Hz"):
        recordings_of(SeriesSpec(kind="series", data=files[0], validation=files[1]), 1, 10, 0, 0.0)
    found = recordings_of(SeriesSpec(kind="series", data=files[0], inputs=[0], targets=[1]), 1, 10, 0, 0.2)
    assert describe_recordings(found)["columns"] == "1 in (0), 1 out (1), 1 row ahead, 44,100 rows a second"
    assert facts_of(found.dataset)["sample_rate"] == 44_100


def test_integers_of_a_sound_are_fractions(tmp_path):
    with wav_writer(tmp_path / "a.wav", Sound(8000, "int16"), 1, print) as write:
        write(np.linspace(-0.5, 0.5, 50)[:, None])
    spec = SeriesSpec(kind="series", data=str(tmp_path / "a.wav"), scale="none", horizon=0, inputs=[0], targets=[0])
    found = recordings_of(spec, 1, 10, 0, 0.0)
    np.testing.assert_allclose(found.training.windows(0, 5).inputs.ravel(), np.linspace(-0.5, 0.5, 50), atol=2**-15)
    assert describe_recordings(found)["columns"].endswith(", 8,000 rows a second (int16 read as -1 to 1)")


def test_a_full_disk_under_a_simulated_series_is_the_systems_failure(monkeypatch):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(
        EnvironmentFailure, match="narma10 cannot be written to .* .No space left on device.: make room"
    ):
        recordings_of(SeriesSpec(kind="series", data="narma10", rows=100), 1, 10, 0, 0.0)
