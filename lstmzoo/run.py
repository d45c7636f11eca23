"""The command `python -m lstmzoo.run CONFIG`: train an experiment from its YAML file."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lstmzoo.system.command_line import command_line, start_tensorflow
from lstmzoo.system.missing import require_module
from lstmzoo.system.slurm import check_slurm, print_script, run_script


def run(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file of the experiment, or the name of one of the package's: echo, ...")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="set a key, such as train.steps=100 (repeatable)")
    ] = None,
    run_dir: Annotated[
        str | None, typer.Option("--run-dir", metavar="DIR", help="run directory (default: experiments/runs/NAME)")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on from the run's last checkpoint; CONFIG may be left out")
    ] = False,
    hosts: Annotated[
        str | None,
        typer.Option("--hosts", metavar="A:PORT,B:PORT", help="train on all of these; give each host the same command"),
    ] = None,
    index: Annotated[
        int, typer.Option("--index", metavar="I", help="which of --hosts this is, from 0; that one leads and writes")
    ] = 0,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="TIME", help="with --hosts: how long to wait for others (default 10m)"),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be done, train nothing")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of CONFIG, for editors")] = False,
    slurm: Annotated[bool, typer.Option("--slurm", help="print a batch script for Slurm, train nothing")] = False,
    sbatch: Annotated[
        list[str] | None,
        typer.Option("--sbatch", metavar="OPTION", help="with --slurm: an option such as --nodes=2 (repeatable)"),
    ] = None,
) -> None:
    """Train the experiment of a YAML file in a run directory of its own."""
    company = _company(hosts, index, wait)
    if slurm or sbatch:
        check_slurm(slurm, sbatch or [], {"--plan": plan, "--schema": schema, "--hosts": hosts is not None})
        _print_script(config, overrides or [], _path(run_dir), resume, sbatch or [], wait)
    elif schema:
        from lstmzoo.config.experiment import Experiment

        print(json.dumps(Experiment.model_json_schema(by_alias=True), indent=2, allow_nan=False))
    elif plan:
        _show_plan(_request(config, overrides or [], _path(run_dir), resume, company, plan))
    else:
        _train(_request(config, overrides or [], _path(run_dir), resume, company, plan))


def _company(hosts: str | None, index: int, wait: str | None) -> dict[str, Any]:
    """Return what is said of other hosts, as `Request` takes it."""
    from lstmzoo.errors import InputError, shown
    from lstmzoo.system.addresses import check_hosts

    time = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", "10m" if wait is None else wait)
    if time is None:
        raise InputError(f"--wait: expected a time such as 30s, 10m or 2h, received {shown(wait)}")
    if wait is not None and hosts is None:
        raise InputError("--wait: expected --hosts with it, the workers to wait for, received none")
    addresses = check_hosts([] if hosts is None else [each.strip() for each in hosts.split(",")], index)
    return {"hosts": addresses, "worker": index, "wait": float(time[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[time[2]]}


def _path(run_dir: str | None) -> Path | None:
    from lstmzoo.errors import InputError

    if run_dir == "":
        raise InputError("--run-dir: expected a directory, received an empty text (a shell variable that is not set?)")
    return None if run_dir is None else Path(run_dir)


def _load(config: Path | None, overrides: list[str]) -> Any:
    from lstmzoo.config.find import find_config, list_configs
    from lstmzoo.config.load import load_config
    from lstmzoo.errors import InputError

    if config is None:
        names = ", ".join(list_configs())
        raise InputError(f"expected a YAML file, received none: python -m lstmzoo.run CONFIG (a file, or {names})")
    found = find_config(config)
    if found.parent != config.parent:
        print(f"config: {found}", file=sys.stderr)
    experiment = load_config(found, overrides)
    for warning in experiment.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    return experiment


def _request(
    config: Path | None, overrides: list[str], run_dir: Path | None, resume: bool, company: dict[str, Any], plan: bool
) -> Any:
    """Return the request; the config of a worker that follows is the leader's."""
    follows = company["worker"] > 0 and not plan
    given = _load(config, overrides) if not follows and (config is not None or not resume) else None  # before imports
    from lstmzoo.training.run import Request

    return Request(given, run_dir, resume, overrides if resume else None, **company)


def _show_plan(request: Any) -> None:
    from lstmzoo.training.describe import describe_plan, describe_workers, warn_of_hosts
    from lstmzoo.training.run import plan_run

    planned, step = plan_run(request)
    for warning in planned.task.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    lines = describe_plan(planned) | ({"goes on": f"from step {step:,}"} if request.resume else {})
    lines |= describe_workers(planned, request.hosts) | warn_of_hosts(planned, request.hosts)
    print("\n".join(f"{name:<12} {value}" for name, value in lines.items()))


def _print_script(
    config: Path | None, overrides: list[str], run_dir: Path | None, resume: bool, options: list[str], wait: str | None
) -> None:
    from lstmzoo.runs.places import last_default, runs_root

    name = _load(config, overrides).name
    words = [str(config), *(word for each in overrides for word in ("--set", each))]
    words += [] if wait is None else ["--wait", wait]
    place = last_default(name) if resume and run_dir is None else run_dir
    print_script(run_script(name, words, place, runs_root() / name, options))


def _train(request: Any) -> None:
    from lstmzoo.system.terminal import printable
    from lstmzoo.training.describe import describe_result
    from lstmzoo.training.progress import for_output
    from lstmzoo.training.run import train

    def prepare(plan: Any, connect: Any) -> Any:
        return start_tensorflow(plan.resolved.execution.threads, connect)

    require_module("tensorflow")  # before a directory is begun
    if request.hosts:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # of a worker that has gone TensorFlow says nothing that we do not
    print(printable(describe_result(train(request, for_output(), prepare))))


def main(prog_name: str) -> None:
    """Run the command `python -m lstmzoo.run CONFIG`."""
    command_line(run, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.run")
