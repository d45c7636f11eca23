"""The command `python -m lstmzoo.sweep SWEEP`: a search of units, depth, learning rate or any other setting."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lstmzoo.system.command_line import command_line
from lstmzoo.system.slurm import check_slurm, print_script, sweep_script


def sweep(
    sweep: Annotated[
        Path | None, typer.Argument(metavar="SWEEP", help="YAML file of the sweep, or the name of one of the package's")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="set a key of the base, such as task.text=FILE (repeatable)"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", help="trials at the same time (default 1, or 1 for each GPU)"),
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option("--gpus", metavar="LIST", help="indices of GPUs, such as 0,1 (default: all that are visible)"),
    ] = None,
    workers_per_gpu: Annotated[
        int | None,
        typer.Option("--workers-per-gpu", metavar="N", help="trials at the same time on each GPU (default 1)"),
    ] = None,
    directory: Annotated[
        str | None,
        typer.Option("--dir", metavar="DIR", help="directory of the sweep (default: experiments/sweeps/NAME)"),
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", metavar="N", help="replaces search.trials")] = None,
    chief: Annotated[
        str | None,
        typer.Option("--chief", metavar="HOST:PORT", help="lead at this address, so that other machines may join"),
    ] = None,
    join: Annotated[
        str | None,
        typer.Option("--join", metavar="HOST:PORT", help="work for the chief there, in the same shared directory"),
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of SWEEP, for editors")] = False,
    slurm: Annotated[
        int | None,
        typer.Option("--slurm", metavar="N", help="print a batch script for Slurm, of N tasks; search nothing"),
    ] = None,
    sbatch: Annotated[
        list[str] | None,
        typer.Option("--sbatch", metavar="OPTION", help="with --slurm: an option such as --nodes=2 (repeatable)"),
    ] = None,
) -> None:
    """Search with keras-tuner; the same command again goes on where it stopped."""
    options = {"workers": workers, "gpus": gpus, "workers_per_gpu": workers_per_gpu, "chief": chief, "join": join}
    sets = overrides or []
    check_slurm(
        slurm is not None, sbatch or [], {"--schema": schema, "--chief": chief is not None, "--join": join is not None}
    )
    if schema:
        import json

        from lstmzoo.sweep.space.sections import SweepSpec

        print(json.dumps(SweepSpec.model_json_schema(by_alias=True), indent=2, allow_nan=False))
    elif slurm is not None:
        _print_script(sweep, directory, {"trials": trials, "slurm": slurm, **options}, sbatch or [], sets)
    else:
        _search(sweep, directory, trials, options, sets)


def _print_script(
    path: Path | None, directory: str | None, options: dict[str, Any], sbatch: list[str], sets: list[str]
) -> None:
    from lstmzoo.sweep.space.load import load_sweep

    _check(path, directory, options)
    search = load_sweep(path, options["trials"], sets)  # type: ignore[arg-type]
    words = [word for each in sets for word in ("--set", each)]
    for name in ("workers", "gpus", "workers-per-gpu", "trials"):
        value = options[name.replace("-", "_")]
        words += [f"--{name}", str(value)] if value is not None else []
    if {"--workers", "--gpus", "--workers-per-gpu"}.isdisjoint(words):
        words += ["--workers", "1"]  # or the first task would only lead
    words += ["--dir", directory] if directory is not None else []
    print_script(sweep_script(search.spec.name, [str(path), *words], options["slurm"], sbatch))


def _search(
    path: Path | None, directory: str | None, trials: int | None, options: dict[str, Any], sets: list[str]
) -> None:
    from lstmzoo.sweep.gpus import read_gpus
    from lstmzoo.sweep.progress import for_output
    from lstmzoo.sweep.run import default_dir, run_sweep
    from lstmzoo.sweep.space.load import load_sweep
    from lstmzoo.system.missing import require_module

    _check(path, directory, {"trials": trials, "slurm": None, **options})
    gpus = None if options["gpus"] is None else read_gpus(options["gpus"])
    search = load_sweep(path, trials, sets)  # type: ignore[arg-type]
    require_module("tensorflow")  # its own processes import it
    where = Path(directory) if directory is not None else default_dir(search)
    watch = for_output(search, where)
    result = run_sweep(search, where, **{**options, "gpus": gpus}, watch=watch)
    _print_result(result, search, options["join"])


def _check(path: Path | None, directory: str | None, options: dict[str, Any]) -> None:
    from lstmzoo.config.find import list_configs
    from lstmzoo.errors import InputError
    from lstmzoo.system.addresses import check_address

    if path is None:
        names = ", ".join(list_configs("sweeps"))
        raise InputError(f"expected a YAML file, received none: python -m lstmzoo.sweep SWEEP (a file, or {names})")
    if directory == "":
        raise InputError("--dir: expected a directory, received an empty text (a shell variable that is not set?)")
    for name, least in (("workers", 0 if options["chief"] else 1), ("workers-per-gpu", 1), ("trials", 1), ("slurm", 1)):
        number = options[name.replace("-", "_")]
        if number is not None and not least <= number <= 100_000:
            raise InputError(f"--{name}: expected {least} or more, and at most 100,000, received {number}")
    if options["chief"] and options["join"]:
        raise InputError("expected --chief or --join, received both: leave out --join (--workers N works here too)")
    for name in ("chief", "join"):
        check_address(f"--{name}", options[name])


def _print_result(result: Any, search: Any, joined: str | None) -> None:
    from lstmzoo.errors import EnvironmentFailure
    from lstmzoo.sweep.results.trials import short_cell
    from lstmzoo.system.terminal import printable

    if joined is not None:
        return
    count = {status: sum(trial.status == status for trial in result.trials) for status in ("completed", "failed")}
    best = result.best
    if best is not None:
        values = "  ".join(f"{path} {short_cell(value)}" for path, value in best.values.items())
        print(printable(f"best: {best.name}  {search.objective.name} {best.objective!r}\n{values}"))
    print(f"{count['completed']} trials completed, {count['failed']} failed")
    print(printable(f"results: {result.directory}/leaderboard.md"))
    if best is not None:
        print(printable(f"again: python -m lstmzoo.run {result.directory}/best.yaml"))
    if result.is_hopeless:
        first = next(trial for trial in result.trials if trial.status == "failed")
        raise EnvironmentFailure(
            f"the search ended: {count['failed']} of {search.trials} trials have failed, more than max_failed "
            f"{search.spec.max_failed:g} allows; the first: {first.name}: {first.reason} "
            f"(see {result.directory}/logs); correct the cause, and the same command goes on"
        )


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.sweep SWEEP`."""
    command_line(sweep, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.sweep")
