"""The objective of a run, read while the file grows, is cut back and grows again."""

import json
import os

import pytest

from lstmzoo.sweep.results.measured import Measured
from lstmzoo.sweep.space.objective import Objective


def line(step, **measured):
    return json.dumps({"step": step, "train_loss": 1.0, **measured}) + "\n"


def test_a_growing_file_is_read_once_and_half_a_line_not_at_all(tmp_path):
    measured = Measured(tmp_path, Objective("val_loss", "min"))
    assert (measured.look().step, measured.best) == (0, None)
    path = tmp_path / "metrics.jsonl"
    path.write_text(line(1) + line(2, val_loss=0.5) + line(3)[:10])
    assert (measured.look().step, measured.best, measured.size) == (2, 0.5, len(line(1) + line(2, val_loss=0.5)))
    path.write_text(line(1) + line(2, val_loss=0.5) + line(3) + line(4, val_loss=0.7))
    assert (measured.look().steps, measured.values, measured.best) == ([2, 4], [0.5, 0.7], 0.5)
    assert Measured(tmp_path, Objective("val_loss", "max")).look().best == 0.7


def test_a_run_that_is_cut_back_is_read_from_its_start(tmp_path):
    measured, path = Measured(tmp_path, Objective("val_loss", "min")), tmp_path / "metrics.jsonl"
    path.write_text(line(1, val_loss=0.9) + line(2, val_loss=0.5))
    measured.look()
    path.write_text(line(1, val_loss=0.9))
    assert measured.look().values == [0.9]
    path.write_text(line(1, val_loss=0.123456789, elapsed_seconds=1.25) + line(2, val_loss=0.1) + line(3, val_loss=0.2))
    assert measured.look().values == [0.123456789, 0.1, 0.2]  # cut back and longer again between two looks


def test_a_pipe_in_place_of_the_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "metrics.jsonl")
    assert Measured(tmp_path, Objective("val_loss", "min")).look().best is None


@pytest.mark.parametrize(
    "odd",
    [
        '"val_loss"', '["val_loss"]', '{"val_loss": 0.1}', '{"step": "1", "val_loss": 0.1}', '{"step": 2, "val_loss": NaN}',
        '{"step": 2, "val_loss": "x"}', '{"step": 2, "val_loss": null}', '{"step": 2, "val_loss": Infinity}',
        '{"step": 2, "val_loss": 1' + "0" * 400 + "}", '{"val_loss": ' + "[" * 10_000, '{"step": [], "val_loss": 0.1}',
        '{"val_loss"', '{"step": 1e999, "val_loss": 1.0}', '{"step": 3, "val_loss": [1]}', '"val_loss"' + "[" * 50_000,
    ],
)  # fmt: skip
def test_a_line_that_is_none_of_ours_is_left_out(tmp_path, odd):
    (tmp_path / "metrics.jsonl").write_text(line(1, val_loss=0.9) + odd + "\n" + line(3, val_loss=0.5))
    measured = Measured(tmp_path, Objective("val_loss", "min")).look()
    assert (measured.steps, measured.values) == ([1, 3], [0.9, 0.5])


def test_before_a_line_that_is_too_long_the_values_count(tmp_path):
    (tmp_path / "metrics.jsonl").write_text(
        line(2, val_loss=0.5) + '"val_loss"' * 50_000 + "\n" + line(4, val_loss=0.7)
    )
    measured = Measured(tmp_path, Objective("val_loss", "min"))
    for _ in range(2):
        assert (measured.look().steps, measured.values, measured.best) == ([2], [0.5], 0.5)
