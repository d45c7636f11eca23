"""The command `python -m lstmzoo.export RUN OUT`: a trained model for other programs, its state in the signature."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lstmzoo.system.command_line import command_line, start_tensorflow


def export(
    run: Annotated[Path, typer.Argument(help="run directory, or zoo:NAME")],
    out: Annotated[Path, typer.Argument(help="file to write, such as model.onnx; a directory with savedmodel")],
    format: Annotated[
        str | None, typer.Option(help="keras, savedmodel, tflite, onnx or c (default: from the ending of OUT)")
    ] = None,
    weights: Annotated[str, typer.Option(help="float32, or with c int8: a quarter of the bytes")] = "float32",
) -> None:
    """Write a model that takes inputs and states and gives outputs and states; its model card is inside.

    Ids and logits of a text, whose vocabulary is inside; of a series numbers in the units of the data.
    """
    from lstmzoo.export.target import check_target
    from lstmzoo.export.write import check_weights, describe_export, source_of_run, write_export
    from lstmzoo.runs.trained import open_run
    from lstmzoo.system.command_line import hidden_stderr
    from lstmzoo.system.terminal import printable

    chosen = check_target(out, format)
    check_weights(weights, chosen)
    trained = open_run(run)
    for note in trained.notes:
        print(note, file=sys.stderr)
    source = source_of_run(trained)  # before seconds are spent on TensorFlow
    if sys.stderr.isatty():
        print("loading TensorFlow; then the file is written and compared with the live model", file=sys.stderr)
    start_tensorflow(threads=1)
    with hidden_stderr():  # messages of converters and runtimes
        exported = write_export(source, out, chosen, weights)
    print(printable(describe_export(exported)))


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.export RUN OUT`."""
    command_line(export, prog_name)


if __name__ == "__main__":
    main("python -m lstmzoo.export")
