"""What people read of the data of a run: lines of a plan, warnings, digests."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from lstmzoo.tasks.series.dataset import Dataset
from lstmzoo.tasks.series.facts import describe_recordings, facts_of, warnings_of
from lstmzoo.tasks.series.recordings import Recordings
from lstmzoo.tasks.series.spec import SeriesSpec
from lstmzoo.tasks.series.task import Series
from tests.helpers.series import recordings_of, spec_of


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))


def test_a_plan_names_columns_scaling_segments_and_what_counts(tmp_path):
    rows = "".join(f"{row % 7},{'' if row == 3 else row % 5},{row // 60}\n" for row in range(100))
    (tmp_path / "pump.csv").write_text(f"pressure,flow,day\n{rows}")
    keys = {"inputs": ["pressure"], "targets": ["flow"], "segment": {"column": "day"}, "warmup": 2, "horizon": 3}
    recordings = recordings_of(SeriesSpec(kind="series", data=str(tmp_path / "pump.csv"), **keys), 2, 10, 0, 0.2)
    assert describe_recordings(recordings) == {
        "columns": "1 in (pressure), 1 out (flow), 3 rows ahead",
        "scaling": "standard: pressure 3 +- 2.006, flow 1.911 +- 1.416",
        "segments": "2 of 40 to 60 rows, in 1 table",
        "training": "80 rows in 2 pieces, 5 windows of [2, 10] with 20 steps of padding; 70 rows count (warm-up 4, no target 6)",
        "validation": "20 rows in 2 pieces, 2 windows of [2, 10] with 20 steps of padding; 10 rows count (warm-up 4, no target 6)",
    }
    assert warnings_of(recordings) == []
    digest = hashlib.sha256((tmp_path / "pump.csv").read_bytes()).hexdigest()
    assert facts_of(recordings.dataset) == {"data_sha256": digest, "rows": 100, "segments": 2}


WITHHELD = {  # files, validate.fraction, what a plan says where nothing is validated on
    "the last part": (1, 0.25, "none; 10 rows withheld from training (0 with validate.fraction: 0)"),
    "nothing": (1, 0.0, "none"),
    "files of their own": (2, 0.25, "none"),
}


@pytest.mark.parametrize("case", WITHHELD)
def test_a_plan_without_validation_says_how_many_rows_are_withheld(tmp_path, case):
    """They are, since a run trains on the same rows with validation and without."""
    count, fraction, said = WITHHELD[case]
    tables = [np.arange(40.0)[:, None]] * count
    recordings = Recordings(Dataset(spec_of(tmp_path, tables, 1, {}), 0, fraction), 1, 5, validates=False)
    assert describe_recordings(recordings)["validation"] == said
    assert sum(part.rows for part in recordings.training.segments) == (30 if said != "none" else 40)


def test_digests_know_the_order_of_tables_and_what_is_validated_on(tmp_path):
    tables = [np.arange(20.0)[:, None] + number for number in range(3)]

    def digests(order, count):
        return recordings_of(
            spec_of(tmp_path, [tables[n] for n in order], count, {}), 1, 5, 0, 0.0
        ).dataset.sources.digests()

    one = digests([0, 1, 2], 2)
    assert one.keys() == {"data_sha256", "validation_sha256"}
    assert one["data_sha256"] != digests([1, 0, 2], 2)["data_sha256"]
    assert digests([0], 1) == {"data_sha256": digests([2, 1, 0], 2)["validation_sha256"]}


STEPS = np.arange(40.0)
SAW = STEPS % 3
WARNED = {  # columns, keys, (B, T), warnings
    "nothing": ([SAW, STEPS % 7], {}, (2, 5), []),
    "a constant column": ([SAW, STEPS * 0], {}, (2, 5), ["task: constant in the training part: 1: a model learns nothing from that"]),
    "an index": ([STEPS, SAW], {}, (2, 5), ["task: an input that rises by the same step in each row, as an index or a time: 0: later rows have values that no model has trained on, leave it out of task.inputs"]),
    "a time in recordings": ([0.1 * (STEPS % 20), STEPS < 20], {"segment": {"column": 1}, "inputs": (0,)}, (2, 5), ["task: an input that rises by the same step in each row, as an index or a time: 0: later rows have values that no model has trained on, leave it out of task.inputs"]),
    "an index but for a row": ([np.where(STEPS < 39, STEPS, 41), SAW], {}, (2, 5), []),
    "an index that is a target": ([STEPS, SAW], {"inputs": (1,), "targets": (0,)}, (2, 5), []),
    "a leak": ([SAW, STEPS % 7], {"horizon": 0, "inputs": (0, 1), "targets": (1,)}, (2, 5), ["task: an input and a target of the same row (task.horizon 0): 1: a model need only copy that, leave it out of task.inputs or predict ahead"]),
    "a warm-up longer than a segment": ([SAW, STEPS < 34], {"warmup": 6, "segment": {"column": 1}, "inputs": (0,)}, (1, 5), ["task.warmup 6: 1 of 2 pieces of segments are not longer and train nothing: lower it, or train.batch_size"]),
    "empty lanes": ([SAW], {}, (5, 10), ["train.batch_size 5: 1 lanes are empty: lower it, or train.seq_length"]),
    "short segments": ([SAW, STEPS < 38], {"horizon": 2, "segment": {"column": 1}, "inputs": (0,)}, (1, 5), ["task.horizon 2: 2 rows are in parts of segments that have no target: they are left out"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WARNED)
def test_what_is_probably_not_meant_is_warned_of(tmp_path, case):
    columns, keys, sizes, said = WARNED[case]
    spec = spec_of(tmp_path, [np.column_stack(columns)], 1, keys)
    assert warnings_of(recordings_of(spec, *sizes, 0, 0.0)) == said


def test_tables_that_are_trained_on_and_validated_on_are_warned_of(tmp_path):
    table = SAW[:, None]
    recordings = recordings_of(spec_of(tmp_path, [table, table + 1, table], 1, {}), 1, 5, 0, 0.0)
    assert warnings_of(recordings) == ["task.validation: 1 table with the content of one in task.data: what is validated on is trained on too, name others"]  # fmt: skip


@pytest.mark.parametrize("last", [3.7, 0.1, 18.0])
def test_a_target_that_never_changes_in_what_is_validated_on_is_warned_of(tmp_path, last):
    still = np.where(STEPS < 30, STEPS % 7, last)
    task = Series(spec_of(tmp_path, [np.column_stack([STEPS % 5, still])], 1, {}), 2, 0, 0.25)
    task.check(5, validates=False)
    assert task.warnings() == []
    task.check(5, validates=True)
    assert task.warnings() == ["task: a target that never changes in what is validated on: 1: its val_r2 says nothing, validate on other rows (task.validation, validate.fraction)"]  # fmt: skip


PROGRAM = """
import json, sys
from lstmzoo.tasks.series.baselines import measure_baselines
from lstmzoo.tasks.series.dataset import Dataset
from lstmzoo.tasks.series.recordings import Recordings
from lstmzoo.tasks.series.spec import SeriesSpec

found = Recordings(Dataset(SeriesSpec(kind="series", data=sys.argv[1], missing="hold", warmup=10), 0, 0.1), 16, 128)
measure_baselines(found)
count = found.training.layout.windows
for first in range(0, count, max(count // 50, 1)):
    found.training.windows(first, 1)
with open("/proc/self/status") as status:
    print(json.dumps({line.split()[0]: int(line.split()[1]) for line in status if line.startswith("VmHWM")}))
"""


@pytest.mark.slow
def test_memory_does_not_depend_on_the_table_s_length(tmp_path):
    """A table of 1 GB beside one of 4 MB: the first takes at most 20 MB more."""
    most = {}
    for rows in (250_000, 62_500_000):
        path = tmp_path / f"{rows}.npy"
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (rows, 4)})
            file.write(np.random.default_rng(0).normal(size=(200_000, 4)).astype("<f4").tobytes())
            file.truncate(file.tell() + (rows - 200_000) * 16)
        ran = subprocess.run([sys.executable, "-c", PROGRAM, path], capture_output=True, text=True, check=True)
        most[rows] = json.loads(ran.stdout)["VmHWM:"] / 1e3
        path.unlink()
    assert most[62_500_000] - most[250_000] < 20, most
