"""A run from the first file of its directory to the last; result.json says how it ended.

The way of a run: `claim` its directory, find the `requested` experiment, `begin` (fresh or resumed), train, write
result.json.
"""

import os
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import dump_config, load_config
from lstmzoo.config.plan import Plan, check_workers, make_plan
from lstmzoo.errors import Diverged, EnvironmentFailure, InputError, Interrupted, out_of_memory, path_of, shown
from lstmzoo.execution.auto import KERNELS
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.addresses import check_hosts
from lstmzoo.system.machine import count_cores, find_device
from lstmzoo.system.signals import StopSignals
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.describe import describe_failure, describe_plan, describe_result
from lstmzoo.training.follow import WAIT, Prepare, company, follow, make_trainer
from lstmzoo.training.hosts.peers import Peers
from lstmzoo.training.progress import Progress, SilentProgress, for_output
from lstmzoo.training.start import Resumed, Start, begin, claim, requested, resumed_place, take_over, wanted
from lstmzoo.training.testing import tested

Result = dict[str, Any]


class Request(NamedTuple):
    """A request for a run: what to train, where, fresh or resumed."""

    given: Experiment | None
    """The experiment of CONFIG, where one is given."""
    run_dir: Path | None = None
    """Its directory; None: a default one."""
    resume: bool = False
    overrides: Sequence[str] | None = None
    """With `resume`: --set over the run's own config.yaml, which `given` must agree with; None: `given` is wanted."""
    pictures: bool = True
    hosts: Sequence[str] = ()
    """Addresses HOST:PORT of all workers that train it together; the first one leads."""
    worker: int = 0
    """The place of this process in `hosts`."""
    wait: float = WAIT
    """Seconds to wait for the other workers."""


def train_run(
    config: Experiment | str | os.PathLike[str] | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    resume: bool = False,
    hosts: Sequence[str] = (),
    index: int = 0,
    *,
    wait: float = WAIT,
    verbose: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Train an experiment (or the YAML file of one) in a run directory, and return the content of its result.json.

    The returned mapping has `run_dir` too, the directory; `run_dir=None` takes the first free default one. `verbose`
    shows what the command shows: a bar, lines, samples, and the pictures in a notebook. `resume`
    goes on from the last checkpoint of `run_dir` (or of the last default one), with its own config unless another is
    given; that may have more epochs, steps or time, and another learning rate, schedule, clipping, patience, cadence of
    validations, `sample` and `checkpoint`, but must be the same in all else. Without a checkpoint it starts from step
    0; with nothing left to do it returns.

    `hosts`: the addresses HOST:PORT of all workers that train it together, `index`: which of them this process is. The
    same call on each: worker 0 leads, with `config` and `run_dir`; the others get all from it, and write nothing.
    `wait`: seconds to wait for them. TensorFlow must not have computed yet in the process.

    Raises `InputError` for a directory that cannot be used, `Diverged` when a number is not finite, `Interrupted` after
    SIGINT, SIGTERM, SIGHUP or SIGUSR1 (both after writing result.json), and `EnvironmentFailure` when the disk fails on
    the way, or another worker has gone.
    """
    given = None if index or config is None else config if isinstance(config, Experiment) else load_config(config)
    request = Request(
        given, None if run_dir is None else path_of("run_dir", run_dir), resume, hosts=hosts, worker=index, wait=wait
    )
    shown = progress or (for_output() if verbose else SilentProgress())
    result = train(request, shown)
    shown.say(describe_result(result))
    return result


def train(request: Request, progress: Progress, prepare: Prepare | None = None) -> Result:
    """Train what is requested, as `train_run` does.

    `prepare(plan)` runs before TensorFlow is touched; that it is given says that this process is the command's own,
    which a signal may end while TensorFlow is busy.
    """
    hosts = _checked_hosts(request)
    if request.worker:
        return follow(hosts, request.worker, request.wait, progress, prepare)
    with claim(request.given, request.run_dir, request.resume) as directory:
        experiment = requested(directory, request.given, request.overrides)
        start = begin(directory, experiment, request.pictures, max(len(hosts), 1))
        for note in (directory.note, *(start.resumed.notes if start.resumed else ())):
            if note:
                progress.say(note)
        with company(start, hosts, request.wait, progress, may_leave=prepare is not None) as peers:
            return _nothing_to_do(start, progress, peers) if start.is_over else _train(start, progress, prepare, peers)


def _checked_hosts(request: Request) -> tuple[str, ...]:
    hosts = check_hosts(request.hosts, request.worker)
    if isinstance(request.wait, bool) or not isinstance(request.wait, Real) or not request.wait >= 0:
        raise InputError(f"wait: expected seconds, 0 or more, received {shown(request.wait)}")
    return hosts


def plan_run(request: Request) -> tuple[Plan, int]:
    """Plan what `train` would do, and from which step; nothing is changed."""
    workers = max(len(check_hosts(request.hosts, request.worker)), 1)
    begun = request.resume and RunDirectory(resumed_place(request.given, request.run_dir)).is_begun()
    if not begun:
        if request.run_dir is not None:
            RunDirectory(request.run_dir).check_empty()
        plan = make_plan(wanted(request.given), workers=workers)
        check_workers(plan.resolved, workers)
        return plan, 0
    with claim(request.given, request.run_dir, request.resume) as directory:
        start = begin(directory, requested(directory, request.given, request.overrides), workers=workers)
        return start.plan, start.run_state.position.step


def _nothing_to_do(start: Start, progress: Progress, peers: Peers) -> Result:
    """Report it, and do what a process that was killed at the end had no time for."""
    directory, step = start.directory, start.run_state.position.step
    result = _result(start, Cadence(start.plan, start.run_state).status(), peers)
    if start.resumed is not None and not start.resumed.changed:
        take_over(start)
        directory.write_result(result)
    early = result["status"] == "stopped_early"
    raise_it = "validate.patience" if early else "train.epochs, train.steps or train.time_budget"
    end = f"{result['status']} at step {step:,}"
    progress.say(f"nothing to do: the run {directory.path} is {end}; to go on, raise {raise_it}")
    progress.close()
    return {**result, "run_dir": str(directory.path)}


def _train(start: Start, progress: Progress, prepare: Prepare | None, peers: Peers) -> Result:
    directory, step = start.directory, start.run_state.position.step
    progress.say(f"run directory: {directory.path}")
    if start.resumed is not None:
        progress.say(f"going on from step {step:,}")
    threads, cores = int(start.plan.resolved.execution.threads), count_cores()
    if threads > cores:
        usable = "1 usable core" if cores == 1 else f"{cores} usable cores"
        progress.say(f"threads: {threads} as the config says, on {usable}: the same numbers, but slower")
    try:
        result = _train_to_an_end(start, progress, prepare, peers)
    except Exception as error:
        if lost := peers.failure(error):
            raise lost from error
        if not isinstance(error, OSError) and not out_of_memory(error):
            raise
        raise EnvironmentFailure(describe_failure(directory, error)) from error
    finally:
        progress.close()
    return {**result, "run_dir": str(directory.path)}


def _train_to_an_end(start: Start, progress: Progress, prepare: Prepare | None, peers: Peers) -> Result:
    plan, directory, run_state = start.plan, start.directory, start.run_state
    try:
        with StopSignals(may_leave=prepare is not None) as stop:
            stop.before_leaving = lambda: directory.write_result(run_state.result(plan, "interrupted"))
            if start.resumed is None:
                _begin(start)
            described = describe_plan(plan)
            for name in ("model", "data", *plan.task.describe(), "average", "execution"):
                if name in described:
                    progress.say(f"{name}: {described[name]}")
            for warning in plan.task.warnings():
                progress.say(f"warning: {warning}")
            trainer = make_trainer(start, progress, stop, prepare, peers)
            if start.resumed is not None:  # it fits: only now is anything changed
                _go_on(start, start.resumed, progress)
            result = _result(start, trainer.run(), peers)
            directory.write_result(result)
            return result
    except (Diverged, Interrupted) as error:
        status = "diverged" if isinstance(error, Diverged) else "interrupted"
        directory.write_result(run_state.result(plan, status))
        progress.say(f"run directory: {directory.path}")
        raise


def _result(start: Start, status: str, peers: Peers) -> Result:
    """Return the content of result.json of a run that has ended; a cluster's TensorFlow is left alone for its test."""
    return start.run_state.result(start.plan, status) | tested(start, "numpy" if peers.hosts else "auto")


def _begin(start: Start) -> None:
    """Write what stands in the directory before TensorFlow is touched."""
    take_over(start)
    task = start.plan.task
    start.directory.write_environment(find_device(), task.facts(), _is_built(start.plan))
    if task.vocabulary is not None:
        task.vocabulary.save(start.directory.path / "vocab.json")
    if task.scaling is not None:
        task.scaling.save(start.directory.path / "scaling.json")


def _is_built(plan: Plan) -> bool:
    """Tell whether the kernel of a run is built by the C++ compiler, whose version then counts."""
    return KERNELS[plan.resolved.execution.kernel].built


def _go_on(start: Start, resumed: Resumed, progress: Progress) -> None:
    """Make the directory ready for the steps to come."""
    directory, step = start.directory, start.run_state.position.step
    take_over(start)
    directory.write_config(dump_config(start.plan.resolved))
    for note in directory.note_resume(step, find_device(), resumed.changed, _is_built(start.plan)):
        progress.say(f"warning: {note}: the numbers may not be those of an uninterrupted run")
    (directory.path / "result.json").unlink(missing_ok=True)
