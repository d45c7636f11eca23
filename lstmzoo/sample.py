"""`python -m lstmzoo.sample RUN`: let a trained char model write."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from lstmzoo.errors import InputError
from lstmzoo.startup import command_line, start_tensorflow
from lstmzoo.trained import Trained, open_run
from lstmzoo.vocabulary import Vocabulary

Text = str | bytes


def sample_text(
    run: str | os.PathLike[str],
    *,
    prompt: Text = "",
    length: int = 500,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    samples: int = 1,
    stop: Text | None = None,
) -> Any:
    """The prompt and `length` new symbols that the model of a run directory writes; a list of texts if samples > 1.

    A symbol is drawn from the logits divided by `temperature` (0: always the likeliest), cut to the `top_k` likeliest,
    then to the likeliest that together reach the share `top_p`. The state starts at zero and reads the prompt; without
    one the first symbol is uniform. A text ends early with `stop`. Sample k of a seed is the same however many are
    drawn. Texts are `str`, or `bytes` where symbols are bytes. Raises `InputError` for a prompt or stop that the model
    cannot spell, for values that mean nothing, and for what is no run of a char task with a checkpoint.
    """
    trained = open_run(run)
    written: dict[int, list[bytes]] = defaultdict(list)
    for sample, piece in _written(trained, prompt, length, (temperature, top_k, top_p), seed, samples, stop):
        written[sample].append(piece)
    texts: list[Text] = [b"".join(written[sample]) for sample in range(samples)]
    if trained.vocabulary.unit == "char":
        texts = [text.decode() for text in texts if isinstance(text, bytes)]
    return texts[0] if samples == 1 else texts


def _written(
    trained: Trained, prompt: Text, length: int, choice: Any, seed: int, samples: int, stop: Text | None
) -> Iterator[tuple[int, bytes]]:
    """(sample, piece of its text): the prompt of each first, then what is drawn, as it is drawn."""
    from lstmzoo.sampler import Choice, Sampler

    for name, value, least in (("length", length, 0), ("samples", samples, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise InputError(f"{name}: expected an integer >= {least}, received {value!r}")
    ids = trained.vocabulary.encode_text(prompt, "prompt")
    ends = [_End(trained.vocabulary, stop) for _ in range(samples)]
    sampler = Sampler(trained.model(batch_size=1), Choice(*choice), samples)
    head = prompt.encode("utf-8", "surrogateescape") if isinstance(prompt, str) else prompt
    yield from ((sample, head) for sample in range(samples))
    for piece in sampler.draw(length, (seed,), ids):
        for sample, end in enumerate(ends):
            if not end.reached and len(part := end.cut(piece[:, sample])):
                yield sample, trained.vocabulary.decode(part)
        if all(end.reached for end in ends):
            return


class _End:
    """Watches one sample for the stop string, which is its end."""

    def __init__(self, vocabulary: Vocabulary, stop: Text | None):
        if stop is not None and not len(stop):
            raise InputError("stop: expected a text of one symbol or more, received an empty one")
        self.stop = None if stop is None else vocabulary.encode_text(stop, "stop").astype(np.int32)
        self.tail, self.reached = np.zeros(0, np.int32), False

    def cut(self, ids: np.ndarray) -> np.ndarray:
        """The ids up to the end of the stop string, if it is there."""
        if self.stop is None:
            return ids
        size, seen = len(self.stop), np.concatenate([self.tail, ids])
        for last in range(size, len(seen) + 1):
            if np.array_equal(seen[last - size : last], self.stop):
                self.reached = True
                return ids[: last - len(self.tail)]
        self.tail = seen[len(seen) - min(size - 1, len(seen)) :]
        return ids


def sample(
    run: Annotated[Path, typer.Argument(help="run directory of a char task")],
    prompt: Annotated[str, typer.Option(help="text to go on with (default: the first symbol is uniform)")] = "",
    prompt_file: Annotated[Path | None, typer.Option(help="the same, from a file")] = None,
    length: Annotated[int, typer.Option(help="new symbols")] = 500,
    temperature: Annotated[float, typer.Option(help="below 1 bolder, above 1 wilder; 0: always the likeliest")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="draw from the K likeliest symbols only")] = None,
    top_p: Annotated[float | None, typer.Option(help="draw from the likeliest that together reach this share")] = None,
    seed: Annotated[int, typer.Option(help="of the draws: the same seed gives the same text")] = 0,
    samples: Annotated[int, typer.Option(help="texts drawn side by side, written one after another")] = 1,
    stop: Annotated[str | None, typer.Option(help="a text ends early with this string")] = None,
) -> None:
    """Write the prompt and then LENGTH new symbols, as they are drawn, to stdout."""
    given = _prompt(prompt, prompt_file)
    trained = open_run(run)
    trained.vocabulary.encode_text(given, "prompt")  # before seconds are spent on TensorFlow
    start_tensorflow(threads=1)
    later: list[list[bytes]] = [[] for _ in range(samples)]
    _heading(0, samples)
    for number, piece in _written(trained, given, length, (temperature, top_k, top_p), seed, samples, stop):
        if number:
            later[number].append(piece)
        else:
            _write(piece)
    for number in range(1, samples):
        _write(b"\n")
        _heading(number, samples)
        _write(b"".join(later[number]))
    if sys.stdout.isatty():
        print(file=sys.stderr)  # or the shell's prompt stands in the text


def _heading(number: int, samples: int) -> None:
    """On a terminal, where several samples would run together."""
    if samples > 1 and sys.stdout.isatty():
        print(f"--- sample {number + 1} of {samples} ---", file=sys.stderr, flush=True)


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def _prompt(prompt: str, prompt_file: Path | None) -> Text:
    if prompt_file is None:
        return prompt
    if prompt:
        raise InputError("expected one of --prompt and --prompt-file, received both")
    from lstmzoo.text import check_file

    check_file(prompt_file)
    return prompt_file.read_bytes()


def main(prog_name: str) -> None:
    """`python -m lstmzoo.sample RUN`."""
    command_line(sample, prog_name, quiet=True)


if __name__ == "__main__":
    main("python -m lstmzoo.sample")
