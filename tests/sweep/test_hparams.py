"""TensorBoard's table of a search: TensorBoard's own reader finds each trial once, and TensorFlow is not needed."""

import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

from lstmzoo.sweep.results.hparams import as_hparam, write_hparams
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.objective import Objective

LOSS = Objective("val_loss", "min")
DONE = TrialResult("trial-0000", "completed", "", {"model.units": 4, "model.kind": "single", "layers": [4, 5]}, 0.5)
FAILED = TrialResult("trial-0001", "failed", "diverged", {"model.units": 8, "carry": True, "layers": None}, None)
RUNNING = TrialResult("trial-0002", "running", "", {"model.units": 16, "carry": False}, None)


class Table:
    """What TensorBoard shows of a folder; `read` is its reload button."""

    def __init__(self, folder):
        self.folder, self.multiplexer = folder, EventMultiplexer()
        provider = MultiplexerDataProvider(self.multiplexer, str(folder))
        self.context = backend_context.Context(SimpleNamespace(data_provider=provider))

    def read(self):
        """By trial: status, values, objective."""
        self.multiplexer.AddRunsFromDirectory(str(self.folder))
        self.multiplexer.Reload()
        allowed = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING, api_pb2.STATUS_UNKNOWN]
        request = api_pb2.ListSessionGroupsRequest(allowed_statuses=allowed, slice_size=1000)
        groups = list_session_groups.Handler(RequestContext(), self.context, "", request).run().session_groups
        assert all(len(group.sessions) == 1 for group in groups)
        return {group.name: _row(group) for group in groups}

    def columns(self):
        content = self.context.hparams_metadata(RequestContext(), "")
        told = self.context.experiment_from_metadata(RequestContext(), "", True, content, [])
        return {info.name for info in told.hparam_infos}, [info.name.tag for info in told.metric_infos]


def _row(group):
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
    return group.sessions[0].status, values, [metric.value for metric in group.sessions[0].metric_values]


def files(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*") if path.is_file()}


def test_the_table_has_what_is_done_and_grows(tmp_path):
    table = Table(tmp_path)
    write_hparams(tmp_path, [DONE, FAILED, RUNNING], LOSS)
    first = {
        "trial-0000": (api_pb2.STATUS_SUCCESS, {"model.units": 4, "model.kind": "single", "layers": "[4, 5]"}, [0.5]),
        "trial-0001": (api_pb2.STATUS_FAILURE, {"model.units": 8, "carry": True, "layers": "null"}, []),
    }
    assert table.read() == first
    assert table.columns() == ({"model.units", "model.kind", "layers", "carry"}, ["val_loss"])
    done = RUNNING._replace(status="completed", objective=0.25, values={"model.units": 16, "new": 0.5})
    write_hparams(tmp_path, [DONE, FAILED, done], LOSS)
    last = {**first, "trial-0002": (api_pb2.STATUS_SUCCESS, {"model.units": 16, "new": 0.5}, [0.25])}
    assert table.read() == Table(tmp_path).read() == last
    assert "new" in table.columns()[0]


def test_what_is_written_is_left_alone(tmp_path):
    write_hparams(tmp_path, [DONE, FAILED], LOSS)
    before = files(tmp_path)
    write_hparams(tmp_path, [DONE, FAILED, RUNNING], LOSS)
    assert files(tmp_path) == before
    assert {path.parent.name for path in before} == {"trial-0000", "trial-0001"} and len(before) == 2


def test_a_failed_trial_that_is_completed_later_has_one_session(tmp_path):
    write_hparams(tmp_path, [FAILED], LOSS)
    write_hparams(tmp_path, [FAILED._replace(status="completed", objective=0.125)], LOSS)
    assert len(files(tmp_path)) == 1
    assert Table(tmp_path).read()["trial-0001"][::2] == (api_pb2.STATUS_SUCCESS, [0.125])


def test_an_objective_that_is_no_number_is_left_out(tmp_path):
    write_hparams(tmp_path, [DONE._replace(objective=math.nan)], LOSS)
    assert Table(tmp_path).read()["trial-0000"][::2] == (api_pb2.STATUS_SUCCESS, [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, 4),
        (0.5, 0.5),
        (True, True),
        ("a", "a"),
        (None, "null"),
        ([4, "b"], '[4, "b"]'),
        ({"b": 1, "a": None}, '{"a": null, "b": 1}'),
        (math.inf, "inf"),
    ],
)
def test_a_value_is_shown_as_json_unless_the_table_has_its_kind(value, text):
    assert as_hparam(value) == text and type(as_hparam(value)) is type(text)


def test_a_folder_that_cannot_be_written_is_an_os_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        write_hparams(tmp_path / "file", [DONE], LOSS)


def test_tensorflow_is_not_imported(tmp_path):
    code = f"""
import sys; from pathlib import Path
from lstmzoo.sweep.results.hparams import write_hparams; from lstmzoo.sweep.results.trials import Objective, TrialResult
write_hparams(Path({str(tmp_path)!r}), [TrialResult("a", "completed", "", {{"b": [1]}}, 0.5)], Objective("val_loss", "min"))
from lstmzoo.sweep.results.plots import draw_search
assert not {{"tensorflow", "tf_keras", "matplotlib.pyplot"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(files(tmp_path)) == 1
