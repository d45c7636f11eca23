"""Text that a trained char model writes, as it is drawn."""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError, check_count
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import Sampler
from lstmzoo.inference.runtimes import check_runtime, choose_runtime, sampler_of
from lstmzoo.runs.trained import Trained, open_run

MOST_SAMPLES = 10_000
TextOrBytes = str | bytes


class SampleRequest(NamedTuple):
    """What is to be written."""

    prompt: TextOrBytes
    length: int
    choice: Choice
    seed: int
    samples: int
    stop: TextOrBytes | None

    @property
    def symbols(self) -> int:
        """How many are read and drawn, at most, in all samples together."""
        return (len(self.prompt) + int(self.length)) * int(self.samples)

    def check(self, vocabulary: Vocabulary) -> None:
        """Raise `InputError` for values that mean nothing, and for text that the vocabulary cannot spell."""
        self.choice.check()
        check_count("length", self.length, 0)
        check_count("seed", self.seed, 0)
        check_count("samples", self.samples, 1, MOST_SAMPLES)
        for name, text in (("prompt", self.prompt), ("stop", self.stop)):
            if not isinstance(text, (str, bytes)) and not (name == "stop" and text is None):
                raise InputError(f"{name}: expected text, received {text!r}")
            vocabulary.encode_text(text or "", name)
        if self.stop is not None and not len(self.stop):
            raise InputError("stop: expected a text of one symbol or more, received an empty one")


def sample_text(
    run: str | os.PathLike[str],
    *,
    prompt: TextOrBytes = "",
    length: int = 500,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    samples: int = 1,
    stop: TextOrBytes | None = None,
    runtime: str = "auto",
) -> TextOrBytes | list[TextOrBytes]:
    """The prompt and `length` new symbols that the model of a run directory writes; a list of texts if samples > 1.

    A symbol is drawn from the logits divided by `temperature` (0: always the likeliest), cut to the `top_k` likeliest
    (and what is as likely as the last of them), then to the likeliest that together reach the share `top_p`. The state
    starts at zero and reads the prompt; without one the first symbol is uniform. A text ends early with `stop`. Sample
    k of a seed is the same however many are drawn, and whatever `runtime` draws it: "numpy" (ready at once),
    "tensorflow" (faster from about 100,000 symbols on), "tflite" or "onnx"; "auto" is one of the first two. Texts are
    `str`, or `bytes` where symbols are bytes.

    Raises `InputError` for a prompt or stop that the model cannot spell, for values that mean nothing, for a runtime
    that is not installed, and for what is no run of a char task with a checkpoint.
    """
    check_runtime(runtime)
    trained = open_run(run, text=True)
    written: dict[int, list[bytes]] = defaultdict(list)
    wish = SampleRequest(prompt, length, Choice(temperature, top_k, top_p), seed, samples, stop)
    wish.check(trained.vocabulary)
    for sample, piece in write(trained, wish, sampler_for(trained, wish, runtime)):
        written[sample].append(piece)
    texts: list[TextOrBytes] = [b"".join(written[sample]) for sample in range(samples)]
    if trained.vocabulary.unit == "char":
        texts = [text.decode() for text in texts if isinstance(text, bytes)]
    return texts[0] if samples == 1 else texts


def sampler_for(trained: Trained, wish: SampleRequest, runtime: str) -> Sampler:
    """What draws a wish that was checked."""
    return sampler_of(trained, choose_runtime(runtime, wish.symbols), wish.choice, int(wish.samples))


def write(trained: Trained, wish: SampleRequest, sampler: Sampler) -> Iterator[tuple[int, bytes]]:
    """(sample, piece of its text) of a wish that was checked: prompts first, then what is drawn, as it is drawn."""
    ends = [_End(trained.vocabulary, wish.stop) for _ in range(wish.samples)]
    prompt = wish.prompt
    head = prompt.encode("utf-8", "surrogateescape") if isinstance(prompt, str) else prompt
    yield from ((sample, head) for sample in range(wish.samples))
    ids = trained.vocabulary.encode_text(prompt, "prompt")
    for piece in sampler.draw(int(wish.length), (int(wish.seed),), ids):
        for sample, end in enumerate(ends):
            if not end.reached and len(part := end.cut(piece[:, sample])):
                yield sample, trained.vocabulary.decode(part)
        if all(end.reached for end in ends):
            return


class _End:
    """Watches one sample for the stop string, which is its end."""

    def __init__(self, vocabulary: Vocabulary, stop: TextOrBytes | None):
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
