"""The chief's side of keras-tuner's gRPC protocol, as far as workers of a search use it."""

import secrets
import signal
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial
from keras_tuner.src import protos  # not exported

from lstmzoo.errors import EnvironmentFailure
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.results.leaderboard import Leaderboard
from lstmzoo.sweep.scheduler.chief import Chief
from lstmzoo.sweep.scheduler.oracle import RUNNING, WAITING
from lstmzoo.sweep.scheduler.trial_process import live_quietly
from lstmzoo.sweep.space.search import Search


class Service(protos.get_service_grpc().OracleServicer):  # type: ignore[misc]
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
        trial = Trial(HyperParameters(), request.trial_id, RUNNING if is_ours else WAITING)
        return self.messages.GetTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A trial has ended."""
        reason = _sent(context, "reason-bin").decode(errors="replace")
        self._safely(lambda: self.chief.end_trial(_sent(context, "worker"), request.trial.trial_id, reason))
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


def serve(service: Service, key: str, address: str) -> tuple[Any, str]:
    """A server that hears those who know the key, and the address at which it listens (port 0: any that is free)."""
    pool = futures.ThreadPoolExecutor(max_workers=1)
    server = grpc.server(pool, interceptors=[_Keyed(key)], options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(service, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise EnvironmentFailure(f"the address {address} cannot be listened on (is it in use?)") from error
    server.start()
    return server, f"{address.rpartition(':')[0]}:{port}"


TICK = 0.1  # seconds


def run_chief(search: Search, path: Path, address: str, begins: bool, alone: bool, command: Any) -> None:
    """The whole life of the chief's process: `command` hears where it listens, of all trials, and how it ended.

    `begins`: the search starts or goes on; else a chief that died is replaced. `alone`: no worker is left over.
    """
    directory = SweepDirectory(path)
    live_quietly("chief", directory.inside / "chief.log")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # the command ends it when all trials have ended
    try:
        chief = Chief(search, directory)
        if begins:
            chief.begin(alone)
        service = Service(chief)
        server, listening = serve(service, directory.key, address)
        command.send(("listening", listening))
        _look_after(chief, service, command)
        server.stop(1).wait()
    except (OSError, EnvironmentFailure) as error:
        command.send(("failed", f"the sweep in {directory.path} failed: {error}: put that right and start it again"))
        raise SystemExit(1) from None


def _look_after(chief: Chief, service: Service, command: Any) -> None:
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
        if chief.oracle.version != shown or over:
            shown, trials = chief.oracle.version, chief.trials()
            command.send(("trials", trials))
            board.update(trials, is_last=over)
        before = time.monotonic()
    command.send(("over", chief.is_hopeless()))
