"""The start of a run as its leader tells it to the other workers: config, checkpoint and clock."""

from pathlib import Path
from typing import Any

from safetensors.numpy import load, save

from lstmzoo.config.load import dump_config, parse_config
from lstmzoo.config.plan import Plan, make_plan
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.runs.checkpoint import Checkpoint
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.addresses import resolve
from lstmzoo.training.binding import DIGESTS, digests
from lstmzoo.training.hosts.line import Gone, Line, Message
from lstmzoo.training.hosts.meeting import Lines, check_answer, name_of
from lstmzoo.training.run_state import RunState
from lstmzoo.training.start import Resumed, Start, new_curve


def send_start(start: Start, lines: Lines, hosts: tuple[str, ...]) -> None:
    """Send all others where the run begins, and wait until they are ready; `InputError` if one cannot follow."""
    _check_names(hosts)
    facts, content = _written(start)
    for line in lines.values():
        line.send({"start": facts}, content)
    for index, line in lines.items():
        try:
            _received(line, hosts, index)
        except InputError as error:
            raise InputError(f"{name_of(hosts, index)}: {error}") from error
    for line in lines.values():
        line.send({"go": True})


def receive_start(line: Line, hosts: tuple[str, ...]) -> Start:
    """Return the start that the leader sends; `InputError` where this worker, or another one, cannot follow."""
    message = _received(line, hosts, 0)
    _check_names(hosts)
    start = _read(message.facts["start"], message.content)
    line.send({"ready": True})
    _received(line, hosts, 0)
    return start


def _check_names(hosts: tuple[str, ...]) -> None:
    for address in hosts:
        resolve("hosts", address)


def _received(line: Line, hosts: tuple[str, ...], index: int) -> Message:
    try:
        message = line.receive()
    except Gone as error:
        raise EnvironmentFailure(
            f"{name_of(hosts, index)} has gone before the first step: start all again with the same command"
        ) from error
    check_answer(message.facts)
    return message


def _written(start: Start) -> tuple[dict[str, Any], bytes]:
    """Write a start as facts and bytes: the tensors of the checkpoint, if there is one."""
    run_state, kept = start.run_state, start.resumed.checkpoint if start.resumed else None
    facts = {
        "config": dump_config(start.plan.resolved),
        "run_dir": str(start.directory.path),
        "digests": digests(start.plan),
        "last": run_state.last,
        "best": run_state.best_line,
        "last_loss": run_state.last_loss,
        "seconds": run_state.train_seconds,
        "metadata": kept.metadata if kept else None,
    }
    return facts, save(kept.tensors) if kept else b""


def _read(facts: dict[str, Any], content: bytes) -> Start:
    plan = make_plan(parse_config(facts["config"]))
    _check_data(plan, facts["digests"])
    directory, resumed, run_state = RunDirectory(Path(facts["run_dir"])), None, RunState()  # nothing of it is touched
    if content:
        kept = Checkpoint(load(content), facts["metadata"])
        run_state = RunState.restored(kept.tensors, facts["seconds"])
        resumed = Resumed(kept, 0, {}, [])
    run_state.last, run_state.best_line, run_state.last_loss = facts["last"], facts["best"], facts["last_loss"]
    return Start(plan, directory, run_state, new_curve(plan), False, resumed)


def _check_data(plan: Plan, wanted: dict[str, str]) -> None:
    found = digests(plan)
    for name, digest in wanted.items():
        if found.get(name) != digest:
            place = DIGESTS.get(name, "task:").partition(":")[0]
            raise InputError(
                f"{place}: expected the leader's data (SHA-256 {digest[:12]}...), received others "
                f"({found.get(name, 'none')[:12]}...): copy the same files to the same paths on each host"
            )
