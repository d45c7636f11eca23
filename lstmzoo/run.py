"""The command `python -m lstmzoo.run CONFIG`: train an experiment from its YAML file."""

import json
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
    plan: Annotated[bool, typer.Option("--plan", help="say what would be done, train nothing")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of CONFIG, for editors")] = False,
    slurm: Annotated[bool, typer.Option("--slurm", help="print a batch script for Slurm, train nothing")] = False,
    sbatch: Annotated[
        list[str] | None,
        typer.Option("--sbatch", metavar="OPTION", help="with --slurm: an option such as --nodes=2 (repeatable)"),
    ] = None,
) -> None:
    """Train the experiment of a YAML file in a run directory of its own."""
    if slurm or sbatch:
        check_slurm(slurm, sbatch or [], {"--plan": plan, "--schema": schema})
        _print_script(config, overrides or [], _path(run_dir), resume, sbatch or [])
    elif schema:
        from lstmzoo.config.experiment import Experiment

        print(json.dumps(Experiment.model_json_schema(by_alias=True), indent=2, allow_nan=False))
    elif plan:
        _show_plan(config, overrides or [], _path(run_dir), resume)
    else:
        _train(config, overrides or [], _path(run_dir), resume)


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


def _request(config: Path | None, overrides: list[str], run_dir: Path | None, resume: bool) -> Any:
    given = _load(config, overrides) if config is not None or not resume else None  # before more is imported
    from lstmzoo.training.run import Request

    return Request(given, run_dir, resume, overrides if resume else None)


def _show_plan(config: Path | None, overrides: list[str], run_dir: Path | None, resume: bool) -> None:
    from lstmzoo.training.describe import describe_plan
    from lstmzoo.training.run import plan_run

    planned, step = plan_run(_request(config, overrides, run_dir, resume))
    lines = describe_plan(planned) | ({"goes on": f"from step {step:,}"} if resume else {})
    print("\n".join(f"{name:<12} {value}" for name, value in lines.items()))


def _print_script(
    config: Path | None, overrides: list[str], run_dir: Path | None, resume: bool, options: list[str]
) -> None:
    from lstmzoo.runs.places import last_default, runs_root

    name = _load(config, overrides).name
    words = [str(config), *(word for each in overrides for word in ("--set", each))]
    place = last_default(name) if resume and run_dir is None else run_dir
    print_script(run_script(name, words, place, runs_root() / name, options))


def _train(config: Path | None, overrides: list[str], run_dir: Path | None, resume: bool) -> None:
    request = _request(config, overrides, run_dir, resume)
    from lstmzoo.system.terminal import printable
    from lstmzoo.training.describe import describe_result
    from lstmzoo.training.progress import for_output
    from lstmzoo.training.run import train

    def prepare(plan: Any) -> None:
        start_tensorflow(plan.resolved.execution.threads)

    require_module("tensorflow")  # before a directory is begun
    print(printable(describe_result(train(request, for_output(), prepare))))


def main(prog_name: str) -> None:
    """Run the command `python -m lstmzoo.run CONFIG`."""
    command_line(run, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.run")
