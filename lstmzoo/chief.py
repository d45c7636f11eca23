"""The chief of a search: hands out trials over gRPC, takes them back from workers that vanish, keeps the results."""

import secrets
import threading
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial as HandedOut
from keras_tuner.src import protos  # not exported

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.leaderboard import Leaderboard
from lstmzoo.measured import Measured
from lstmzoo.oracles import COMPLETED, FAILED, LENGTH, RUN, RUNNING, STOPPED, WAITING, make_oracle
from lstmzoo.search import Search
from lstmzoo.space import Values
from lstmzoo.sweepdir import SweepDirectory, run_name
from lstmzoo.trial import live_quietly
from lstmzoo.trials import Trial

TICK = 0.1  # seconds
STATUS = {RUNNING: "running", WAITING: "waiting", COMPLETED: "completed", FAILED: "failed"}
FOR_GOOD = ("diverged", "timed out", "impossible")  # failures that the next start does not try again


class Chief:
    """The oracle of a search, and who is at work on what; every call holds the one lock."""

    def __init__(self, search: Search, directory: SweepDirectory):
        self.search, self.directory, self.lock = search, directory, threading.RLock()
        self.oracle = make_oracle(search, directory.oracle)
        self.seen = dict.fromkeys(self.oracle.ongoing_trials, time.monotonic())
        self.oracle.is_closed = self.is_hopeless()
        self.version, self.told_to_stop = 0, set[str]()
        self._values: dict[str, Values] = {}

    def begin(self, alone: bool) -> None:
        """A new start of the search: what failed for no reason of its own is tried again.

        `alone`: all workers of an earlier start are gone.
        """
        with self.lock:
            for name, trial in self.oracle.trials.items():
                if trial.status == FAILED and not trial.message.startswith(FOR_GOOD):
                    self.oracle.end_order.remove(name)
                    self.oracle.take_back(name)
            for name in sorted(trial.trial_id for trial in self.oracle.ongoing_trials.values()) if alone else ():
                self.oracle.take_back(name)
            self.oracle.forgiven = self._failed()
            self.oracle.is_closed = self.is_hopeless()
            self.oracle.save()

    def create_trial(self, worker: str) -> Any:
        """Hand out a trial."""
        with self.lock:
            self.seen[worker] = time.monotonic()
            trial = self.oracle.create_trial(worker)
            if trial.status == STOPPED:
                self.told_to_stop.add(worker)
            self.version += 1
            return trial

    def still_has(self, worker: str, trial_id: str) -> bool:
        """A sign of life of a worker: whether the trial is its own."""
        with self.lock:
            self.seen[worker] = time.monotonic()
            trial = self.oracle.ongoing_trials.get(worker)
            is_ours = trial is not None and trial.trial_id == trial_id
            if is_ours and self.oracle.is_closed:  # it will go on when the search does
                self.oracle.take_back(trial_id)
            return is_ours and not self.oracle.is_closed

    def end_trial(self, trial_id: str, reason: str) -> None:
        """Score a trial by what its runs have written."""
        with self.lock:
            number = self.oracle.trials[trial_id].hyperparameters.values[RUN]
            score = None if reason else self._score(number)
            if score is None:
                reason = reason or f"impossible: no {self.search.objective.name} was measured"
            self.oracle.end(trial_id, score, reason)
            self.oracle.is_closed = self.oracle.is_closed or self.is_hopeless()
            self.version += 1

    def miss(self, slept: float) -> None:
        """Give the trials of workers that are silent for too long to others; while the chief slept nobody was heard."""
        with self.lock:
            self.seen = {worker: when + slept for worker, when in self.seen.items()}
            for worker, trial in list(self.oracle.ongoing_trials.items()):
                if time.monotonic() - self.seen.get(worker, 0) > self.search.spec.worker_timeout:
                    self.oracle.take_back(trial.trial_id)
                    self.version += 1

    def is_hopeless(self) -> bool:
        """Whether more trials have failed since the start than may."""
        return self._failed() - self.oracle.forgiven > self.search.spec.max_failed * self.search.trials

    def is_over(self) -> bool:
        """Whether all is done, and all workers that are still there know it."""
        with self.lock:
            if not self.oracle.is_done():
                return False
            waits = [w for w, when in self.seen.items() if time.monotonic() - when < 2 and w not in self.told_to_stop]
            return not waits

    def trials(self) -> list[Trial]:
        """The runs so far, in the order in which they began."""
        with self.lock:
            found: dict[int, Trial] = {}
            for name in self.oracle.start_order:
                trial = self.oracle.trials[name]
                number, status = trial.hyperparameters.values[RUN], STATUS[trial.status]
                values = self._values.setdefault(name, {}) or self._shown(name, trial.hyperparameters.values)
                found[number] = Trial(run_name(number), status, trial.message or "", values, trial.score)
            return list(found.values())

    def _shown(self, name: str, raw: dict[str, Any]) -> Values:
        values = dict(self.search.shown(self.search.decoded(raw)))
        if LENGTH in raw:
            values[f"train.{self.search.length[0]}"] = raw[LENGTH] * self.search.spec.search.smallest
        self._values[name] = values
        return values

    def _failed(self) -> int:
        return sum(trial.status == FAILED for trial in self.oracle.trials.values())

    def _score(self, number: int) -> float | None:
        """The mean of the best values of a trial's runs."""
        runs = (self.directory.run(number, repeat) for repeat in range(self.search.spec.search.repeats))
        values = [Measured(run, self.search.objective).look().best for run in runs]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if len(known) == len(values) else None


class _Service(protos.get_service_grpc().OracleServicer):  # type: ignore[misc]
    """keras-tuner's protocol, as far as workers of a search use it."""

    def __init__(self, chief: Chief):
        self.chief, self.messages = chief, protos.get_service()
        self.failure: Exception | None = None

    def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Hand out a trial."""
        trial = self._safely(lambda: self.chief.create_trial(_sent(context, "worker")))
        return self.messages.CreateTrialResponse(trial=trial.to_proto())

    def GetTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A sign of life."""
        is_ours = self._safely(lambda: self.chief.still_has(_sent(context, "worker"), request.trial_id))
        trial = HandedOut(HyperParameters(), request.trial_id, RUNNING if is_ours else WAITING)
        return self.messages.GetTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A trial has ended."""
        reason = _sent(context, "reason-bin").decode(errors="replace")
        self._safely(lambda: self.chief.end_trial(request.trial.trial_id, reason))
        return self.messages.EndTrialResponse()

    def _safely(self, call: Callable[[], Any]) -> Any:
        """What goes wrong here is for the chief's own loop to end with."""
        try:
            return call()
        except Exception as error:
            self.failure = error
            raise


class _Keyed(grpc.ServerInterceptor):  # type: ignore[misc]
    """Only those who know the key of the directory are heard."""

    def __init__(self, key: str):
        self.key = key

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        """Hear a call, or refuse it."""
        if secrets.compare_digest(str(dict(details.invocation_metadata).get("key", "")), self.key):
            return continuation(details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


def _refuse(request: Any, context: Any) -> None:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "expected the key of this search")


def _sent(context: Any, name: str) -> Any:
    return dict(context.invocation_metadata()).get(name, "")


def run_chief(search: Search, path: Path, address: str, begins: bool, alone: bool, command: Any) -> None:
    """The whole life of the chief's process: `command` hears where it listens, of all trials, and how it ended.

    `begins`: the search starts or goes on; else a chief that died is replaced. `alone`: no worker is left over.
    """
    directory = SweepDirectory(path)
    live_quietly("chief", directory.inside / "chief.log")
    try:
        chief = Chief(search, directory)
        if begins:
            chief.begin(alone)
        service = _Service(chief)
        server = _serve(service, directory.key, address, command)
        _look_after(chief, service, command)
        server.stop(1).wait()
    except (OSError, EnvironmentFailure) as error:
        command.send(("failed", f"the sweep in {directory.path} failed: {error}: put that right and start it again"))
        raise SystemExit(1) from None


def _serve(service: _Service, key: str, address: str, command: Any) -> Any:
    pool = futures.ThreadPoolExecutor(max_workers=1)
    server = grpc.server(pool, interceptors=[_Keyed(key)], options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(service, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise EnvironmentFailure(f"the address {address} cannot be listened on (is it in use?)") from error
    server.start()
    command.send(("listening", f"{address.rpartition(':')[0]}:{port}"))
    return server


def _look_after(chief: Chief, service: _Service, command: Any) -> None:
    """Until the search is over: vanished workers, and results that are always true."""
    board, shown, before = Leaderboard(chief.search, chief.directory), -1, time.monotonic()
    over = False
    while not over:
        time.sleep(TICK)
        now = time.monotonic()
        chief.miss(slept=now - before if now - before > 5 else 0.0)
        if service.failure is not None:
            raise OSError(str(service.failure)) from service.failure
        over = chief.is_over()
        if chief.version != shown or over:
            shown, trials = chief.version, chief.trials()
            command.send(("trials", trials))
            board.update(trials, is_last=over)
        before = time.monotonic()
    command.send(("over", chief.is_hopeless()))
