"""`python -m lstmzoo.run CONFIG`: train an experiment from its YAML file."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lstmzoo.startup import command_line, start_tensorflow


def run(
    config: Annotated[Path | None, typer.Argument(help="YAML file of the experiment")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="set a key, such as train.steps=100 (repeatable)")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", metavar="DIR", help="run directory (default: experiments/runs/NAME)")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="say what would be done, train nothing")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of CONFIG, for editors")] = False,
) -> None:
    """Train the experiment of a YAML file in a run directory of its own."""
    from lstmzoo.config import load_config
    from lstmzoo.errors import InputError
    from lstmzoo.experiment import Experiment
    from lstmzoo.plan import make_plan

    if schema:
        print(json.dumps(Experiment.model_json_schema(by_alias=True), indent=2))
        return
    if config is None:
        raise InputError("expected a YAML file, received none: python -m lstmzoo.run CONFIG")
    experiment = load_config(config, overrides or [])
    for warning in experiment.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    planned = make_plan(experiment)
    if plan:
        print("\n".join(f"{name:<12} {value}" for name, value in describe(planned).items()))
    else:
        _train(planned, run_dir)


def describe(plan: Any) -> dict[str, str]:
    """What --plan prints and a run says at its start."""
    experiment = plan.resolved
    model, train, execution = experiment.model, experiment.train, experiment.execution
    length = f"{plan.steps:,} steps" if plan.steps is not None else f"{train.time_budget:g} s of training"
    facts = plan.task.facts()
    text = f"{facts['text_symbols']:,} symbols of text, {facts['vocab_size']} different; " if facts else ""
    return {
        "model": f"{model.kind} {list(model.layers)}, {plan.parameters:,} parameters, encoding {model.encoding}",
        "data": f"{text}{plan.windows:,} windows of [{train.batch_size}, {train.seq_length}] an epoch, "
        f"{plan.dropped:,} symbols dropped (they fill no window)",
        "length": length,
        "memory": f"about {plan.memory / 1e6:,.0f} MB beside TensorFlow",
        "execution": f"kernel {execution.kernel}, threads {execution.threads}, "
        f"at most {execution.windows_per_call:,} windows a graph call",
        "loss floor": "unknown" if plan.loss_floor is None else f"{plan.loss_floor:.3g} nats a symbol",
    }


def _train(plan: Any, run_dir: Path | None) -> None:
    from lstmzoo.job import run_plan
    from lstmzoo.progress import duration, for_terminal

    progress = for_terminal()

    def prepare() -> None:
        for name in ("model", "data", "execution"):
            progress.say(f"{name}: {describe(plan)[name]}")
        start_tensorflow(plan.resolved.execution.threads)

    result = run_plan(plan, run_dir, progress, prepare)
    final = "  ".join(f"{name} {value:.6g}" for name, value in result["final"].items() if value is not None)
    print(
        f"{result['status']}: {result['steps']:,} steps in {duration(result['train_seconds'])} of training "
        f"({result['symbols_per_second']:,.0f} symbols/s)\n{final}\nrun directory: {result['run_dir']}"
    )


def main(prog_name: str) -> None:
    """`python -m lstmzoo.run CONFIG`."""
    command_line(run, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.run")
