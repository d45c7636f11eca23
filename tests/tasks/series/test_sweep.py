"""A search over runs of a series, with an objective that is best where it is greatest."""

import csv
import json

import pytest

from lstmzoo.sweep.run import TRAIN
from lstmzoo.sweep.space.load import load_sweep
from tests.helpers.searches import ended, start

BASE = """
task: {kind: series, data: mackey-glass, rows: 600}
model: {units: 2}
train: {batch_size: 2, seq_length: 20, steps: 30, optimizer: {name: adam, learning_rate: 0.02}}
validate: {every_steps: 10}
execution: {kernel: scan}
"""
SWEEP = """
base: base.yaml
space: {task.horizon: {choices: [1, 6]}}
search: {kind: grid}
objective: {name: val_r2}
"""


@pytest.mark.slow
def test_a_search_for_the_greatest_r2_ranks_runs_of_a_series(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    assert load_sweep(tmp_path / "sweep.yaml").objective == ("val_r2", "max")
    assert ended(start(tmp_path / "sweep.yaml", tmp_path / "d", train=TRAIN))[0] == 0
    with (tmp_path / "d" / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["trial", "status", "reason", "task.horizon", "val_r2"]
    assert [row["status"] for row in rows] == ["COMPLETED"] * 2
    scores = [float(row["val_r2"]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    for row, score in zip(rows, scores, strict=True):
        lines = (tmp_path / "d" / row["trial"] / "metrics.jsonl").read_text().splitlines()
        assert score == max(json.loads(line).get("val_r2", -9) for line in lines)
