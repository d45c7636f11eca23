"""Texts that a trained char model writes, piece by piece."""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError, check_count, shown
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import Place, Sampler, draw
from lstmzoo.inference.restored import Restored, StateFile, restore
from lstmzoo.inference.runtimes import check_runtime, choose_runtime, sampler_of
from lstmzoo.runs.trained import Trained, open_with_warnings
from lstmzoo.system.terminal import Printed

MOST_SAMPLES = 10_000
TextOrBytes = str | bytes


class SampleRequest(NamedTuple):
    """The texts that are to be written: prompt, length, choice, seed, number, and the string that ends one."""

    prompt: TextOrBytes
    length: int
    choice: Choice
    seed: int | None
    samples: int
    stop: TextOrBytes | None

    @property
    def symbols(self) -> int:
        """The most symbols that are read and drawn in all samples together."""
        return (len(self.prompt) + int(self.length)) * int(self.samples)

    def check(self, vocabulary: Vocabulary) -> None:
        """Raise `InputError` for values out of their range, and for text that the vocabulary cannot spell."""
        self.choice.check()
        check_count("length", self.length, 0)
        check_count("seed", 0 if self.seed is None else self.seed, 0)
        check_count("samples", self.samples, 1, MOST_SAMPLES)
        for name, text in (("prompt", self.prompt), ("stop", self.stop)):
            if not isinstance(text, (str, bytes)) and not (name == "stop" and text is None):
                raise InputError(f"{name}: expected text, received {shown(text)}")
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
    seed: int | None = None,
    samples: int = 1,
    stop: TextOrBytes | None = None,
    runtime: str = "auto",
    verbose: bool = False,
    state: StateFile = None,
    save_state: StateFile = None,
) -> TextOrBytes | list[TextOrBytes]:
    """Return the prompt and `length` new symbols that the model of a run directory writes; a list if samples > 1.

    `run`: a run directory of a char task, or a trained model such as "zoo:char_python". A symbol is drawn from the
    logits divided by `temperature` (0: always the likeliest), cut to the `top_k` likeliest (and those as likely as the
    last of them), then to the likeliest that together reach the probability `top_p`. The state starts at zero and reads
    the prompt; without a prompt the first symbol is uniform. A text ends early with `stop`. Sample k of a seed is the
    same text with any number of samples and with any `runtime`: "numpy" (starts at once), "tensorflow" (faster from
    about 100,000 symbols on), "tflite", "onnx" or "c"; "auto" is one of the first two. Texts are `str`, or `bytes` if
    symbols are bytes. `verbose` prints the first text as it is drawn, and the others when they are whole.

    `state`: a file from which the texts go on, one lane for each sample, with the random numbers that come next there
    (`seed` None; the default is 0 without a state); `save_state`: the file for the state after the last symbol. So two
    texts of 300 and 200 symbols are one of 500.

    Raises `InputError` for a prompt or stop that the model cannot spell, for values out of their range, for a runtime
    that is not installed, for a path that is no run of a char task with a checkpoint, and for a state that is not its.
    """
    check_runtime(runtime)
    trained = open_with_warnings(run, text=True)
    written: dict[int, list[bytes]] = defaultdict(list)
    request = SampleRequest(prompt, length, Choice(temperature, top_k, top_p), seed, samples, stop)
    request.check(trained.vocabulary)
    restored = restore_texts(trained, request, state, save_state)
    pieces = write(trained, request, sampler_for(trained, request, runtime), restored)
    for sample, piece in _printed(pieces, samples) if verbose else pieces:
        written[sample].append(piece)
    texts: list[TextOrBytes] = [b"".join(written[sample]) for sample in range(samples)]
    if trained.vocabulary.unit == "char":
        texts = [text.decode() for text in texts if isinstance(text, bytes)]
    return texts[0] if samples == 1 else texts


def sampler_for(trained: Trained, request: SampleRequest, runtime: str) -> Sampler:
    """Return the sampler for a request that was checked."""
    return sampler_of(trained, choose_runtime(runtime, request.symbols), request.choice, int(request.samples))


def restore_texts(trained: Trained, request: SampleRequest, state: StateFile, save_state: StateFile) -> Restored | None:
    """Return what the texts of a checked request go on from and leave, None for nothing; raises as `restore`."""
    if state is None and save_state is None:
        return None
    if request.stop is not None and save_state is not None and request.samples > 1:
        raise InputError(
            "stop: expected none where the state of several samples is saved, as they end at different places, "
            f"received {shown(request.stop)} with {request.samples:,} samples: leave it out, or take one sample"
        )
    return restore(trained, state, save_state, int(request.samples))


def write(
    trained: Trained, request: SampleRequest, sampler: Sampler, restored: Restored | None = None
) -> Iterator[tuple[int, bytes]]:
    """Yield (sample, piece of its text) of a request that was checked: the prompts first, then symbols as they come.

    With `restored` it goes on from a state, and saves that after the last symbol.
    """
    ends = [_End(trained.vocabulary, request.stop) for _ in range(request.samples)]
    prompt = trained.vocabulary.plain(request.prompt)
    head = prompt.encode("utf-8", "surrogateescape") if isinstance(prompt, str) else prompt
    yield from ((sample, head) for sample in range(request.samples))
    if not request.length and restored is None:
        return
    ids, state = trained.vocabulary.encode_text(prompt, "prompt"), restored and restored.state
    seed = ((state and state.seed) or (0,)) if request.seed is None else (int(request.seed),)
    place, saves = Place(sampler, seed, state), restored is not None and restored.path is not None
    for piece in draw(sampler, place, int(request.length), ids, saves and request.stop is not None):
        for sample, end in enumerate(ends):
            if not end.reached and len(part := end.cut(piece[:, sample])):
                yield sample, trained.vocabulary.decode(part)
        if all(end.reached for end in ends):
            break
    if restored is not None and saves:
        restored.save(place.state(sampler, restored.zero))


def _printed(pieces: Iterator[tuple[int, bytes]], samples: int) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces of texts, and print them: the first text as it comes, the others when they are whole."""
    output, later = Printed(), defaultdict[int, list[bytes]](list)
    for sample, piece in pieces:
        if sample:
            later[sample].append(piece)
        else:
            output.write(piece)
        yield sample, piece
    output.write(b"", last=True)
    for sample in range(1, samples):
        output.write(b"".join(later[sample]), last=True)


class _End:
    """The search for the stop string in one sample, across its pieces."""

    def __init__(self, vocabulary: Vocabulary, stop: TextOrBytes | None):
        self.stop = None if stop is None else vocabulary.encode_text(stop, "stop").astype(np.int32)
        self.tail, self.reached = np.zeros(0, np.int32), False

    def cut(self, ids: np.ndarray) -> np.ndarray:
        """Return the ids up to the end of the stop string, or all of them while it has not come."""
        if self.stop is None:
            return ids
        size, seen = len(self.stop), np.concatenate([self.tail, ids])
        for last in range(size, len(seen) + 1):
            if np.array_equal(seen[last - size : last], self.stop):
                self.reached = True
                return ids[: last - len(self.tail)]
        self.tail = seen[len(seen) - min(size - 1, len(seen)) :]
        return ids
