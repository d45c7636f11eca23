"""The command `python -m lstmzoo.predict RUN DATA`: what a trained series model predicts for a table or WAV file."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from lstmzoo.system.command_line import command_line, start_tensorflow


def predict(
    run: Annotated[Path, typer.Argument(help="run directory of a series task, or zoo:NAME")],
    data: Annotated[Path, typer.Argument(help="table with the run's inputs: CSV, NPY, NPZ or WAV")],
    out: Annotated[Path, typer.Option(help="file to write: .csv, or .wav if DATA is one; -: CSV to stdout")] = Path(
        "-"
    ),
    steps: Annotated[
        int, typer.Option(help="rows more, each predicted from the predictions before it (horizon 1, targets = inputs)")
    ] = 0,
    runtime: Annotated[
        str,
        typer.Option(
            help="what computes it: numpy (starts at once), tensorflow, tflite, onnx or c (compiled on this machine); "
            "auto: one of the first two"
        ),
    ] = "auto",
    state: Annotated[
        Path | None,
        typer.Option(help="go on from the state in this file, that of --save-state or of lstmzoo.stream"),
    ] = None,
    save_state: Annotated[
        Path | None, typer.Option(help="write the state after the last row of DATA to this file")
    ] = None,
) -> None:
    """Write in row t the prediction of row t of DATA, from the rows before it, in the units of the data.

    A CSV file has the columns NAME and NAME_predicted for each target; rows that DATA has not follow at the end, as
    many as the run predicts ahead (task.horizon). A WAV file has the predictions alone.
    """
    from lstmzoo.execution.auto import choose_threads
    from lstmzoo.inference.predicting import Predictor, all_predictions, check_steps, rate_of, series_of
    from lstmzoo.inference.prediction_files import STDOUT, check_out, prediction_writer
    from lstmzoo.inference.restored import restore
    from lstmzoo.inference.runtimes import LONG_ROWS, check_runtime, choose_runtime, needs_tensorflow, open_runner
    from lstmzoo.inference.series_data import open_data
    from lstmzoo.runs.trained import open_run
    from lstmzoo.system.command_line import hidden_stderr
    from lstmzoo.system.terminal import counted_line, printable

    check_runtime(runtime)
    check_out(out)
    trained = open_run(run)
    table_rows, scaling = series_of(trained)
    check_steps(steps, table_rows.horizon, scaling)
    restored = restore(trained, state, save_state)
    given = open_data(data, scaling, table_rows.segment, rate_of(trained))
    for note in (*trained.notes, *given.notes):
        _say(note)
    runtime = choose_runtime(runtime, given.table.rows, LONG_ROWS)  # steps are computed one by one
    rows, more = given.table.rows, table_rows.horizon + steps
    watched = counted_line(rows + more, "rows") if out != STDOUT else nullcontext(lambda _: None)
    with prediction_writer(out, given, scaling.targets, _say) as write, watched as count:
        if needs_tensorflow(runtime):
            start_tensorflow(choose_threads(trained.experiment.model.layers))
        with hidden_stderr():  # messages of runtimes
            predictor = Predictor(open_runner(trained, runtime), scaling, restored.start)
            for truths, found in all_predictions(predictor, given, table_rows.horizon, steps):
                write(truths, found)
                count(len(found))
    restored.save(predictor.state)
    if out != STDOUT:
        print(printable(f"{out}: {rows:,} rows, and {more:,} beyond the end of {data}"))


def _say(line: str) -> None:
    from lstmzoo.system.terminal import printable

    print(printable(line), file=sys.stderr)


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.predict RUN DATA`."""
    command_line(predict, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.predict")
