"""A worker of a search: it asks the chief for trials, has them run, and reports how they ended."""

import secrets
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
from keras_tuner.engine.trial import Trial
from keras_tuner.src import protos  # not exported

from lstmzoo.errors import ConfigError, EnvironmentFailure
from lstmzoo.sweep.directory import run_name
from lstmzoo.sweep.scheduler.trial_process import live_quietly
from lstmzoo.sweep.space.search import Search
from lstmzoo.sweep.state import IDLE, LENGTH, RUN, RUNNING, STOPPED

PAUSE = 0.2  # seconds between two requests while there is no trial
_CODE = grpc.StatusCode
AGAIN = (_CODE.UNAVAILABLE, _CODE.DEADLINE_EXCEEDED, _CODE.CANCELLED, _CODE.UNKNOWN)  # the chief is being replaced
PATIENCE = 600.0  # seconds that a worker waits for a chief, which may be started later, or again


class Client:
    """The calls to the chief, in keras-tuner's protocol; each with the key of the search and the worker's name."""

    def __init__(self, address: str, key: str, name: str):
        self.address, self.name = address, name
        self.metadata = (("key", key), ("worker", name))
        self.stub = protos.get_service_grpc().OracleStub(grpc.insecure_channel(address))
        self.messages = protos.get_service()

    def create_trial(self) -> Trial:
        """Return the trial that this worker has, or a new one; its status is IDLE or STOPPED if there is none."""
        return self._trial(self.stub.CreateTrial, self.messages.CreateTrialRequest(tuner_id=self.name))

    def is_still_ours(self, trial_id: str) -> bool:
        """Send a sign of life; return False if the chief has given the trial to another worker."""
        trial = self._trial(self.stub.GetTrial, self.messages.GetTrialRequest(trial_id=trial_id))
        return bool(trial.status == RUNNING)

    def end_trial(self, trial: Trial, reason: str) -> None:
        """Report that a trial has ended, with a reason if it has failed."""
        said = ("reason-bin", reason.encode(errors="backslashreplace"))
        self._call(self.stub.EndTrial, self.messages.EndTrialRequest(trial=trial.to_proto()), said)

    def _trial(self, method: Callable[..., Any], request: Any) -> Trial:
        return Trial.from_proto(self._call(method, request).trial)

    def _call(self, method: Callable[..., Any], request: Any, *more: tuple[str, bytes]) -> Any:
        """Call the chief; wait for it while it is killed and started again."""
        until = time.monotonic() + PATIENCE
        while True:
            left = until - time.monotonic()
            try:
                return method(request, metadata=(*self.metadata, *more), timeout=max(left, 1), wait_for_ready=True)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    raise EnvironmentFailure(
                        f"expected the chief of this search at {self.address}, received one of another directory: "
                        "check --join and --dir"
                    ) from error
                if error.code() not in AGAIN:
                    text = f"the chief at {self.address} answered with an error: {error.details()}"
                    raise EnvironmentFailure(text) from error
                if time.monotonic() >= until:
                    raise EnvironmentFailure(
                        f"expected a chief at {self.address}, received no answer in {PATIENCE:g} s: start it again"
                    ) from error
                time.sleep(PAUSE)


def run_worker(search: Search, address: str, key: str, name: str, log: Path, command: Connection) -> None:
    """Run a worker's process from start to end; `command` runs the trials for it."""
    live_quietly("worker", log)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # the command ends it when its trial has ended
    client = Client(address, key, name)
    try:
        _work(search, client, command)
    except EnvironmentFailure as error:
        command.send(("failed", str(error)))
        raise SystemExit(error.exit_status) from None


def _work(search: Search, client: Client, command: Connection) -> None:
    while (trial := client.create_trial()).status != STOPPED:
        if trial.status == IDLE:
            time.sleep(PAUSE)
            continue
        reason = _run(search, client, trial, command)
        if reason is not None:
            client.end_trial(trial, reason)


def _run(search: Search, client: Client, trial: Trial, command: Connection) -> str | None:
    """Have all runs of a trial run; return why it failed, an empty text if it did not, None if it is no longer ours."""
    raw = trial.hyperparameters.values
    for repeat in range(search.spec.search.repeats):
        try:
            experiment = search.experiment(search.decoded(raw), repeat, _length(search, raw))
        except ConfigError as error:
            return f"impossible: {error}"
        ticket = secrets.token_hex(6)
        command.send(("run", ticket, run_name(raw[RUN], repeat), experiment))
        beat = min(5.0, search.spec.worker_timeout / 4)
        reason = _waited_for(ticket, lambda: client.is_still_ours(trial.trial_id), beat, command)
        if reason is None or reason:
            return reason
    return ""


def _waited_for(ticket: str, is_ours: Callable[[], bool], beat: float, command: Connection) -> str | None:
    """Wait for a run's end; return why it failed, an empty text if it did not, None if the trial was taken away."""
    dropped = False
    while True:
        if not command.poll(beat):
            if not dropped and not is_ours():
                command.send(("drop",))
                dropped = True
            continue
        about, reason = command.recv()
        if about == ticket:  # else it is about a run for an earlier worker of this name, which died
            return None if dropped else str(reason)


def _length(search: Search, raw: dict[str, Any]) -> int | None:
    """Return a hyperband trial's length, in the unit of the base's own length; None for other searches."""
    return raw[LENGTH] * search.spec.search.smallest if LENGTH in raw else None
