"""The command `python -m lstmzoo.sample RUN`: a trained char model writes."""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from lstmzoo.system.command_line import command_line, start_tensorflow


def sample(
    run: Annotated[Path, typer.Argument(help="run directory of a char task, or zoo:NAME")],
    prompt: Annotated[str, typer.Option(help="text to continue (default: none, the first symbol is uniform)")] = "",
    prompt_file: Annotated[Path | None, typer.Option(help="the same, from a file; -: from stdin")] = None,
    length: Annotated[int, typer.Option(help="new symbols")] = 500,
    temperature: Annotated[float, typer.Option(help="below 1 safer, above 1 wilder; 0: always the likeliest")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="draw from the K likeliest symbols only")] = None,
    top_p: Annotated[float | None, typer.Option(help="draw from the likeliest that reach this probability")] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="of the draws: the same seed gives the same text (default: that of --state, or 0)"),
    ] = None,
    samples: Annotated[int, typer.Option(help="texts drawn side by side, written one after another")] = 1,
    stop: Annotated[str | None, typer.Option(help="a text ends early with this string")] = None,
    runtime: Annotated[
        str,
        typer.Option(
            help="what computes it: numpy (starts at once), tensorflow, tflite, onnx or c (compiled on this machine); "
            "auto: one of the first two"
        ),
    ] = "auto",
    state: Annotated[
        Path | None, typer.Option(help="go on from the state in this file, that of --save-state or of lstmzoo.stream")
    ] = None,
    save_state: Annotated[Path | None, typer.Option(help="write the state after the last symbol to this file")] = None,
) -> None:
    """Write the prompt and then LENGTH new symbols, as they are drawn, to stdout."""
    from lstmzoo.inference.choice import Choice
    from lstmzoo.inference.runtimes import check_runtime, choose_runtime, needs_tensorflow
    from lstmzoo.inference.sampling import SampleRequest, restore_texts, sampler_for, write
    from lstmzoo.runs.trained import open_run
    from lstmzoo.system.command_line import hidden_stderr
    from lstmzoo.system.terminal import TextOutput

    check_runtime(runtime)
    choice = Choice(temperature, top_k, top_p)
    request = SampleRequest(_prompt(prompt, prompt_file), length, choice, seed, samples, stop)
    trained = open_run(run, text=True)
    for note in trained.notes:
        print(note, file=sys.stderr)
    request.check(trained.vocabulary)  # before seconds are spent on TensorFlow
    restored = restore_texts(trained, request, state, save_state)
    runtime = choose_runtime(runtime, request.symbols)
    if needs_tensorflow(runtime):
        start_tensorflow(threads=1)
    with hidden_stderr():  # messages of runtimes
        sampler = sampler_for(trained, request, runtime)
    output = TextOutput(sys.stdout.buffer, sys.stdout.isatty())
    later: dict[int, list[bytes]] = defaultdict(list)
    _heading(0, samples)
    for number, piece in write(trained, request, sampler, restored):
        if number:
            later[number].append(piece)
        else:
            output.write(piece)
    output.write(b"", last=True)
    for number in range(1, samples):
        output.write(b"\n")
        _heading(number, samples)
        output.write(b"".join(later[number]), last=True)
    if sys.stdout.isatty():
        print(file=sys.stderr)  # else the shell's prompt would follow the text on its line


def _heading(number: int, samples: int) -> None:
    """Print a line between samples on a terminal, where they would run together."""
    if samples > 1 and sys.stdout.isatty():
        print(f"--- sample {number + 1} of {samples} ---", file=sys.stderr, flush=True)


def _prompt(prompt: str, prompt_file: Path | None) -> str | bytes:
    if prompt_file is None:
        return prompt
    from lstmzoo.errors import InputError, shown
    from lstmzoo.system.reader import MOST, read_all, read_file

    if prompt:
        raise InputError("--prompt: expected one of --prompt and --prompt-file, received both: leave one out")
    is_stdin = str(prompt_file) == "-" and sys.stdin is not None
    try:
        return read_all(sys.stdin.buffer) if is_stdin else read_file(prompt_file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"--prompt-file: expected a text of at most {MOST:,} bytes, received {shown(str(prompt_file))} ({reason}): "
            "name a readable file"
        ) from error


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.sample RUN`."""
    command_line(sample, prog_name, quiet=True)


if __name__ == "__main__":
    main("python -m lstmzoo.sample")
