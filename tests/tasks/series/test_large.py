"""A large table takes no more memory than a small one, while it is surveyed, trained on and validated on."""

import resource

import numpy as np
import pytest

import lstmzoo
from tests.helpers.forked import CONTEXT, started

COLUMNS = 16
CONFIG = """
task: {kind: series, data: x.npy, targets: [0], loss: huber, warmup: 16}
model: {units: 4}
train: {batch_size: 64, seq_length: 256, epochs: 1}
validate: {every_steps: 100}
checkpoint: {every_steps: 0}
execution: {kernel: scan, windows_per_call: 8}
"""


def peak_of_a_run(folder, megabytes):
    """Megabytes of memory at most of a process that trains on one epoch."""
    folder.mkdir()
    rows = megabytes * 2**20 // (4 * COLUMNS)
    table = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (rows, COLUMNS))
    table[:] = np.arange(COLUMNS)
    table[: rows // 2] += np.linspace(0, 9, rows // 2, dtype=np.float32)[:, None]
    table.flush()
    (folder / "c.yaml").write_text(CONFIG)
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = started(_run, folder, theirs)
    found = ours.recv()
    process.join()
    (folder / "x.npy").unlink()
    return found


def _run(folder, pipe):
    steps = lstmzoo.train_run(folder / "c.yaml", folder / "run")["steps"]
    pipe.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, steps))


@pytest.mark.slow
def test_memory_is_constant(tmp_path):
    (small, few), (large, many) = (peak_of_a_run(tmp_path / str(size), size) for size in (16, 288))
    assert many > 15 * few
    assert large < small + 60  # 27 were measured: a longer run has more metrics and pictures
