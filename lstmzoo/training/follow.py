"""Several workers of one run: the leader brings them together, the others follow it and write nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lstmzoo.config.plan import Plan
from lstmzoo.errors import InputError
from lstmzoo.runs.environment import environment
from lstmzoo.system.accessories import before_tensorflow
from lstmzoo.system.addresses import place_of
from lstmzoo.system.machine import find_device, has_computed
from lstmzoo.system.signals import StopSignals
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.describe import describe_workers, warn_of_hosts
from lstmzoo.training.hosts.exchange import receive_start, send_start
from lstmzoo.training.hosts.meeting import join, lead
from lstmzoo.training.hosts.peers import Peers
from lstmzoo.training.progress import Progress, SilentProgress
from lstmzoo.training.start import Start

if TYPE_CHECKING:  # they compute
    from lstmzoo.training.hosts.team import Team
    from lstmzoo.training.loop import Trainer

WAIT = 600.0  # seconds
Prepare = Callable[[Plan, "Callable[[], Team]"], "Team"]
"""A command's start of TensorFlow for a plan; it calls the function before the context exists, for its result."""


@contextmanager
def company(start: Start, hosts: tuple[str, ...], wait: float, progress: Progress, may_leave: bool) -> Iterator[Peers]:
    """Collect the other workers of a run, as its leader; a run of one process has none."""
    if len(hosts) < 2:
        yield Peers()
        return
    _check_fresh()
    lines = lead(hosts, environment(find_device()), wait, progress.say)
    with Peers(hosts, 0, lines, may_leave) as peers:
        send_start(start, lines, hosts)
        peers.note_saved(start.run_state.position.step)
        peers.watch()
        _introduce(start, peers, progress)
        yield peers


def follow(
    hosts: tuple[str, ...], index: int, wait: float, progress: Progress, prepare: Prepare | None
) -> dict[str, Any]:
    """Train as a worker that follows: plan, checkpoint and clock are the leader's. Returns the content of result.json.

    Raises `InputError` if this worker or another one cannot take part, and otherwise what `train_run` raises.
    """
    _check_fresh()
    line = join(hosts, index, environment(find_device()), wait, progress.say)
    with Peers(hosts, index, {0: line}, may_leave=prepare is not None) as peers:
        start = receive_start(line, hosts)
        peers.watch()
        _introduce(start, peers, progress)
        progress.say(
            f"CONFIG, --set and the run directory are those of the leader, {hosts[0]}, which shows how far it is"
        )
        try:
            status = Cadence(start.plan, start.run_state).status() if start.is_over else _train(start, prepare, peers)
        except Exception as error:
            if lost := peers.failure(error):
                raise lost from error
            raise
        finally:
            progress.close()
    return {**start.run_state.result(start.plan, status), "run_dir": f"{start.directory.path} (on {hosts[0]})"}


def make_trainer(
    start: Start, progress: Progress, stop: StopSignals, prepare: Prepare | None, peers: Peers
) -> "Trainer":
    """Start TensorFlow, and its cluster where others take part, and make the trainer of a run."""

    def connect() -> "Team":
        from lstmzoo.training.hosts.team import Team

        return Team.connected(peers, ring=start.plan.resolved.execution.sum == "ring")

    before_tensorflow()
    team = connect() if prepare is None else prepare(start.plan, connect)
    if peers.hosts:
        stop.take_back()
    from lstmzoo.training.loop import Trainer

    return Trainer(start, progress, stop, team)


def _train(start: Start, prepare: Prepare | None, peers: Peers) -> str:
    with StopSignals(may_leave=prepare is not None) as stop:
        return make_trainer(start, SilentProgress(), stop, prepare, peers).run()


def _check_fresh() -> None:
    if has_computed():
        raise InputError(
            "hosts: expected a process in which TensorFlow has not computed yet, received one in which it has: call "
            "this first, or use the command python -m lstmzoo.run"
        )


def _introduce(start: Start, peers: Peers, progress: Progress) -> None:
    """Say who computes what; where there is something to do, whether that pays, and that a door will be open."""
    for name, text in describe_workers(start.plan, peers.hosts).items():
        progress.say(f"{name}{' (this one)' if name == f'worker {peers.index}' else ''}: {text}")
    if start.is_over:
        return
    for name, text in warn_of_hosts(start.plan, peers.hosts).items():
        progress.say(f"{name}: {text}")
    port = place_of(peers.hosts[peers.index])[1]
    progress.say(
        f"warning: TensorFlow opens port {port} of all addresses of this machine, without a password: whoever "
        "reaches it can run code here (the guide says how to fence it)"
    )
