"""The command `python -m lstmzoo.score RUN FILE`: the loss of a trained char model on a text."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from lstmzoo.system.command_line import command_line, start_tensorflow


def score(
    run: Annotated[Path, typer.Argument(help="run directory of a char task, or zoo:NAME")],
    file: Annotated[Path, typer.Argument(help="file of the text to predict")],
    window: Annotated[int, typer.Option(help="symbols of a cold window")] = 256,
    as_json: Annotated[
        bool, typer.Option("--json", help="print JSON, with the loss at every place in the window")
    ] = False,
    runtime: Annotated[
        str,
        typer.Option(
            help="what computes it: numpy (starts at once), tensorflow, tflite, onnx or c (compiled on this machine); "
            "auto: one of the first two"
        ),
    ] = "auto",
    state: Annotated[
        Path | None,
        typer.Option(help="go on from the state in this file, that of --save-state or of lstmzoo.stream; without cold"),
    ] = None,
    save_state: Annotated[Path | None, typer.Option(help="write the state after the last symbol to this file")] = None,
    adapt: Annotated[
        float | None,
        typer.Option(
            metavar="RATE", help="measure also how well it predicts while it learns from the text at this rate"
        ),
    ] = None,
) -> None:
    """Print the mean loss over a text: with the state carried throughout, and in windows from zero state."""
    from lstmzoo.errors import check_count
    from lstmzoo.inference.runtimes import check_runtime, choose_runtime, needs_tensorflow
    from lstmzoo.inference.scoring import (
        adaptive_scores,
        check_adapt,
        describe_scores,
        ids_of,
        restore_text,
        score_ids,
    )
    from lstmzoo.runs.trained import open_run
    from lstmzoo.system.command_line import hidden_stderr
    from lstmzoo.system.machine import count_cores

    check_count("window", window, 1)
    check_runtime(runtime)
    check_adapt(adapt, state, save_state)
    trained = open_run(run, text=True)
    for note in trained.notes:
        print(note, file=sys.stderr)
    restored = restore_text(trained, state, save_state)
    ids = ids_of(trained, file)
    runtime = choose_runtime(runtime, len(ids))
    if needs_tensorflow(runtime) or adapt is not None:
        start_tensorflow(count_cores())
    with hidden_stderr():  # messages of runtimes
        scores = score_ids(trained, ids, window, runtime, restored)
        scores |= {} if adapt is None else adaptive_scores(trained, ids, adapt, scores)
    print(json.dumps(scores, indent=2, allow_nan=False) if as_json else describe_scores(scores))


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.score RUN FILE`."""
    command_line(score, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.score")
