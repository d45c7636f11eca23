"""The trials of a search for TensorBoard's HParams table, written without TensorFlow.

No experiment is declared: TensorBoard keeps the first declaration it reads, and it would hide each path and value that
comes later. Without one it gathers columns, domains and metrics from the sessions at every reload.
"""

import io
import json
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter

from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.objective import Objective
from lstmzoo.system.files import write_atomically

STATUS = {"completed": api_pb2.STATUS_SUCCESS, "failed": api_pb2.STATUS_FAILURE}


def write_hparams(folder: Path, trials: Iterable[TrialResult], objective: Objective) -> None:
    """Write one sub-folder and session for each trial that is completed or failed; existing ones are left as they are.

    A trial that had failed and is completed now gets a new session; a TensorBoard that runs already must be restarted
    to show it. The objective is a scalar at step 0.
    Raises OSError if the folder cannot be written.
    """
    for trial in trials:
        if trial.status in STATUS and not (path := _events(folder, trial.name, trial.status)).exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = path.with_name("session")  # TensorBoard would read a half one under a name with `tfevents` in it
            write_atomically(whole, _records(_session(trial, objective)))
            for status in STATUS:
                _events(folder, trial.name, status).unlink(missing_ok=True)
            whole.replace(path)


def as_hparam(value: Any) -> bool | int | float | str:
    """Return a value that the table can show: text, true, false and finite numbers as they are, others as JSON text.

    >>> as_hparam(4), as_hparam("single"), as_hparam([4, 5]), as_hparam(None)
    (4, 'single', '[4, 5]', 'null')
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if isinstance(value, str | int) else json.dumps(value, sort_keys=True, allow_nan=False)


def _events(folder: Path, name: str, status: str) -> Path:
    return folder / name / f"events.out.tfevents.0000000000.{status}"


def _session(trial: TrialResult, objective: Objective) -> Iterator[Summary]:
    yield hparams_pb({path: as_hparam(value) for path, value in trial.values.items()}, trial_id=trial.name)
    if (score := trial.score()) is not None:
        yield scalar_pb(objective.name, score)
    end = plugin_data_pb2.SessionEndInfo(status=STATUS[trial.status], end_time_secs=time.time())
    content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
    value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=content, tensor=metadata.NULL_TENSOR)
    yield Summary(value=[value])


def _records(summaries: Iterable[Summary]) -> bytes:
    """Return the content of an events file; TensorBoard's own EventFileWriter would import TensorFlow to open it."""
    file, now = io.BytesIO(), time.time()
    writer = RecordWriter(file)
    for event in (Event(file_version="brain.Event:2"), *(Event(summary=summary) for summary in summaries)):
        event.wall_time = now
        writer.write(event.SerializeToString())
    return file.getvalue()
