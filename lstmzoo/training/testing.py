"""The test at a run's end: what was neither trained nor validated on is scored once, with the best weights."""

from math import log
from typing import Any

import numpy as np

from lstmzoo.inference.losses import carried_losses
from lstmzoo.inference.runtimes import choose_runtime, reader_of
from lstmzoo.runs.trained import open_run
from lstmzoo.training.start import Start


def tested(start: Start, runtime: str) -> dict[str, Any]:
    """Return the section `test` of result.json; nothing for a task without a part to be tested on.

    Each part is read in one lane from zero state, and all its targets count, as in `score`.
    """
    parts = start.plan.task.to_test()
    if not parts:
        return {}
    trained = open_run(start.directory.path)
    reader = reader_of(trained, choose_runtime(runtime, sum(map(len, parts))))
    losses = np.concatenate([carried_losses(reader, ids).nats for ids in parts])
    loss = float(losses.mean(dtype=np.float64))
    return {"test": {"step": trained.step, "targets": len(losses), "test_loss": loss, "test_bpc": loss / log(2)}}
