"""The chief's answers: an error of a request is the requester's, an error of the disk is the search's."""

import errno

import grpc
import pytest
from keras_tuner.src import protos

from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.results.leaderboard import Leaderboard
from lstmzoo.sweep.scheduler.chief import Chief
from lstmzoo.sweep.scheduler.server import Service, serve
from lstmzoo.sweep.space.load import load_sweep

CODE = grpc.StatusCode
MESSAGES = protos.get_service()


def ending(trial_id):
    request = MESSAGES.EndTrialRequest()
    request.trial.trial_id = trial_id
    return request


REQUESTS = {  # call, request, what is sent with it beside the key, status
    "end of an unknown trial": ("EndTrial", ending("9999"), {"worker": "a"}, CODE.INVALID_ARGUMENT),
    "end of a trial without a name": ("EndTrial", ending(""), {"worker": "a"}, CODE.INVALID_ARGUMENT),
    "end of a very long name": ("EndTrial", ending("x" * 10**6), {"worker": "a"}, CODE.INVALID_ARGUMENT),
    "failure of an unknown trial": ("EndTrial", ending("9999"), {"worker": "a", "reason-bin": b"\xff"}, CODE.INVALID_ARGUMENT),
    "end of another worker's trial": ("EndTrial", ending("0000"), {"worker": "b"}, CODE.OK),
    "failure of another worker's trial": ("EndTrial", ending("0000"), {"worker": "b", "reason-bin": b"=cmd"}, CODE.OK),
    "end by no worker": ("EndTrial", ending("0000"), {}, CODE.INVALID_ARGUMENT),
    "a trial for no worker": ("CreateTrial", MESSAGES.CreateTrialRequest(), {}, CODE.INVALID_ARGUMENT),
    "a sign of life without a trial": ("GetTrial", MESSAGES.GetTrialRequest(), {"worker": "b"}, CODE.OK),
    "a sign of life of no worker": ("GetTrial", MESSAGES.GetTrialRequest(trial_id="0000"), {}, CODE.INVALID_ARGUMENT),
    "a call that no search needs": ("GetSpace", MESSAGES.GetSpaceRequest(), {"worker": "a"}, CODE.UNIMPLEMENTED),
    "a call without the key": ("CreateTrial", MESSAGES.CreateTrialRequest(), {"worker": "a", "key": ""}, CODE.UNAUTHENTICATED),
    "a call with another key": ("EndTrial", ending("0000"), {"worker": "a", "key": "other"}, CODE.UNAUTHENTICATED),
}  # fmt: skip


class Serving:
    """A chief that answers, of whose trials worker a has the first."""

    def __init__(self, search, folder):
        self.directory = SweepDirectory(folder).prepare(search)
        self.chief = Chief(search, self.directory)
        self.service = Service(self.chief)
        self.server, address = serve(self.service, self.directory.key, "127.0.0.1:0")
        self.stub = protos.get_service_grpc().OracleStub(grpc.insecure_channel(address))
        self.call("CreateTrial", MESSAGES.CreateTrialRequest(), {"worker": "a"})

    def call(self, name, request, sent):
        """The status of a call."""
        metadata = tuple({"key": self.directory.key, **sent}.items())
        try:
            getattr(self.stub, name)(request, metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            return error.code()
        return CODE.OK


@pytest.fixture
def serving(sweep, tmp_path):
    found = Serving(load_sweep(sweep({"kind": "random", "trials": 5})), tmp_path / "d")
    yield found
    found.server.stop(0)


def test_no_request_ends_a_search_or_another_workers_trial(serving):
    for name, (call, request, sent, status) in REQUESTS.items():
        assert serving.call(call, request, sent) == status, name
        assert serving.service.failure is None, name
        assert [trial.status for trial in serving.chief.trials()] == ["running"], name
    assert serving.call("EndTrial", ending("0000"), {"worker": "a", "reason-bin": b"its own"}) == CODE.OK
    assert [(trial.status, trial.reason) for trial in serving.chief.trials()] == [("failed", "its own")]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("x"), ZeroDivisionError(), RecursionError()])
def test_an_error_of_an_answer_is_the_requesters_too(serving, monkeypatch, error):
    monkeypatch.setattr(serving.chief.oracle, "populate_space", lambda name: (_ for _ in ()).throw(error))
    assert serving.call("CreateTrial", MESSAGES.CreateTrialRequest(), {"worker": "b"}) == CODE.INTERNAL
    assert serving.service.failure is None
    assert serving.call("GetTrial", MESSAGES.GetTrialRequest(trial_id="0000"), {"worker": "a"}) == CODE.OK


def test_a_disk_that_fails_ends_the_search(serving, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("lstmzoo.sweep.scheduler.oracle.write_atomically", lambda *_: (_ for _ in ()).throw(full))
    serving.call("CreateTrial", MESSAGES.CreateTrialRequest(), {"worker": "b"})
    assert serving.service.failure is full


@pytest.mark.parametrize(
    ("what", "warned"),
    [
        ("lstmzoo.sweep.results.plots.draw_search", "pictures"),
        ("lstmzoo.sweep.results.hparams.write_hparams", "TensorBoard's HParams"),
    ],
)
def test_what_accompanies_a_search_never_ends_it(serving, monkeypatch, what, warned):
    monkeypatch.setattr(what, lambda *_: (_ for _ in ()).throw(ValueError("no room")))
    serving.call("EndTrial", ending("0000"), {"worker": "a", "reason-bin": b"x"})
    said = []
    board = Leaderboard(serving.chief.search, serving.directory, said.append)
    for _ in range(2):
        board.update(serving.chief.trials(), is_last=True)
    assert said == [f"warning: {warned} are left out (ValueError: no room)"]
    assert (serving.directory.path / "leaderboard.csv").exists()
