"""The chief's side of keras-tuner's gRPC protocol, as far as workers of a search use it."""

import secrets
import signal
import time
import traceback
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from keras_tuner import HyperParameters
from keras_tuner.engine.trial import Trial
from keras_tuner.src import protos  # not exported

from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.results.leaderboard import Leaderboard
from lstmzoo.sweep.scheduler.chief import Chief
from lstmzoo.sweep.scheduler.trial_process import MOST_SAID, live_quietly
from lstmzoo.sweep.space.search import Search
from lstmzoo.sweep.state import RUNNING, WAITING


class Service(protos.get_service_grpc().OracleServicer):  # type: ignore[misc]
    """The calls of keras-tuner's protocol that workers of a search use."""

    def __init__(self, chief: Chief):
        self.chief, self.messages = chief, protos.get_service()
        self.failure: OSError | None = None

    def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a worker's request for a trial."""
        trial = self._answered(context, self.chief.create_trial)
        return self.messages.CreateTrialResponse(trial=trial.to_proto())

    def GetTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a worker's sign of life: RUNNING while it still has the trial."""
        is_ours = self._answered(context, self.chief.still_has, request.trial_id)
        trial = Trial(HyperParameters(), request.trial_id, RUNNING if is_ours else WAITING)
        return self.messages.GetTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a worker's message that a trial has ended."""
        reason = (_sent(context, "reason-bin") or b"").decode(errors="replace")
        self._answered(context, self.chief.end_trial, request.trial.trial_id, reason)
        return self.messages.EndTrialResponse()

    def _answered(self, context: Any, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call the chief for the worker that asks; an error is that worker's alone, unless the disk has failed."""
        try:
            if not (worker := _sent(context, "worker")):
                raise InputError("expected the name of a worker, received none")
            return call(worker, *arguments)
        except OSError as error:  # with it the chief's own loop will end
            self.failure = error
            raise
        except InputError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Exception as error:
            traceback.print_exc()  # to the chief's log
            context.abort(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}"[:MOST_SAID])


class _Keyed(grpc.ServerInterceptor):  # type: ignore[misc]
    """A check of every call: only a caller that knows the key of the directory is answered."""

    def __init__(self, key: str):
        self.key = key

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        """Answer a call, or refuse it."""
        if secrets.compare_digest(str(dict(details.invocation_metadata).get("key", "")), self.key):
            return continuation(details)
        return grpc.unary_unary_rpc_method_handler(_refuse)


def _refuse(request: Any, context: Any) -> None:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "expected the key of this search")


def _sent(context: Any, name: str) -> Any:
    return dict(context.invocation_metadata()).get(name, "")


def serve(service: Service, key: str, address: str) -> tuple[Any, str]:
    """Start a server that answers callers with the key; return it and its address (port 0 becomes a free port)."""
    pool = futures.ThreadPoolExecutor(max_workers=1)
    server = grpc.server(pool, interceptors=[_Keyed(key)], options=[("grpc.so_reuseport", 0)])
    protos.get_service_grpc().add_OracleServicer_to_server(service, server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise EnvironmentFailure(
            f"the chief cannot use the address {address} (does another program use it?)"
        ) from error
    server.start()
    return server, f"{address.rpartition(':')[0]}:{port}"


TICK = 0.1  # seconds


def run_chief(search: Search, path: Path, address: str, begins: bool, alone: bool, command: Any) -> None:
    """Run the chief from start to end; `command` is sent its address, the trials as they change, warnings, and
    the end.

    `begins`: the search starts or goes on; else this replaces a chief that died. `alone`: no earlier worker is left.
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
        _lead(chief, service, command)
        server.stop(1).wait()
    except (OSError, EnvironmentFailure, InputError) as error:
        command.send(("failed", f"the sweep in {directory.path} failed: {error}: correct the cause and start it again"))
        raise SystemExit(1) from None


def _lead(chief: Chief, service: Service, command: Any) -> None:
    """Watch over the workers, and keep the results up to date, until the search is over.

    The order matters. Workers are judged first, and the time since the last round is taken off if this process was
    suspended in it: the workers could not call then. `over` is asked before the trials are read, so the last results
    that are written hold every trial.
    """
    board = Leaderboard(chief.search, chief.directory, lambda text: command.send(("say", text)))
    shown, before, over = -1, time.monotonic(), False
    while not over:
        time.sleep(TICK)
        now = time.monotonic()
        chief.miss(slept=now - before if now - before > 5 else 0.0)
        if service.failure is not None:
            raise service.failure
        over = chief.is_over()
        if chief.oracle.version != shown or over:
            shown, trials = chief.oracle.version, chief.trials()
            command.send(("trials", trials))
            board.update(trials, is_last=over)
        before = time.monotonic()
    command.send(("over", chief.is_hopeless()))
