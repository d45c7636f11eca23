"""The loss of a trained char model on a text, with and without the carried state."""

import math
import os
from collections.abc import Iterator
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from lstmzoo.data.text import encode_file
from lstmzoo.errors import InputError, check_count, shown
from lstmzoo.inference.carried import Carried
from lstmzoo.inference.compressed import bytes_of, compressed_sizes
from lstmzoo.inference.losses import Losses, carried_losses, cold_losses
from lstmzoo.inference.restored import Restored, StateFile, restore
from lstmzoo.inference.runtimes import check_runtime, choose_runtime, open_runner, reader_of
from lstmzoo.runs.trained import Trained, open_with_warnings
from lstmzoo.system.accessories import before_tensorflow
from lstmzoo.tasks.losses import cross_entropy


def score_text(
    run: str | os.PathLike[str],
    text: str | bytes | Path,
    *,
    window: int = 256,
    runtime: str = "auto",
    state: StateFile = None,
    save_state: StateFile = None,
    adapt: float | None = None,
) -> dict[str, Any]:
    """Measure how well the model of a run directory predicts a text: its content, or a `Path` to it.

    `carried` reads the text in one lane from zero state and counts all N - 1 targets; `cold` starts every window of
    `window` symbols at zero state. Both have nats a symbol, bpc and perplexity. `by_position` has the mean nats at each
    place in the window, of both: where carried is lower, the state that was carried into the window helps. `runtime` is
    as in `sample_text`.

    `state`: a file from which `carried` goes on, so that all N symbols are targets; there is no `cold` beside it, nor
    `by_position`. `save_state`: the file for the state after the last symbol. So the nats of two halves of a text,
    times their targets, add up to those of the whole.

    `adapt`: the rate at which the model learns from the text meanwhile, a protocol of its own, `adaptive`; TensorFlow
    computes it. `bytes` then has what the text could be compressed to at each loss, and what xz and bzip2 make of it.

    Raises `InputError` for a text of fewer than two symbols (one with a state) or one that the model cannot spell, for
    a path that is no run of a char task, for a model whose losses are not finite, and for a state that is not its.
    """
    check_count("window", window, 1)
    check_runtime(runtime)
    check_adapt(adapt, state, save_state)
    trained = open_with_warnings(run, text=True)
    restored = restore_text(trained, state, save_state)
    ids = ids_of(trained, text)
    scores = score_ids(trained, ids, int(window), choose_runtime(runtime, len(ids)), restored)
    return scores if adapt is None else scores | adaptive_scores(trained, ids, float(adapt), scores)


def check_adapt(adapt: float | None, state: StateFile, save_state: StateFile) -> None:
    """Raise `InputError` for what is no rate, and for a state beside it."""
    if adapt is None:
        return
    if isinstance(adapt, bool) or not isinstance(adapt, Real) or not 0 <= adapt < math.inf:
        raise InputError(f"adapt: expected a learning rate such as 0.0003, received {shown(adapt)}")
    if state is not None or save_state is not None:
        raise InputError("adapt: expected no state beside it, since its states are of other weights, received one")


def adaptive_scores(trained: Trained, ids: np.ndarray, adapt: float, scores: dict[str, Any]) -> dict[str, Any]:
    """Measure `adaptive` and `bytes`, as `score_text` has them beside its other `scores`."""
    before_tensorflow()
    from lstmzoo.inference.adapting import adaptive_nats

    targets = scores["targets"]
    nats = adaptive_nats(trained, ids, adapt) / targets
    sizes = {"carried": bytes_of(scores["carried"]["nats"] * targets), "adaptive": bytes_of(nats * targets)}
    return {
        "adaptive": {"rate": adapt, **_from_nats(nats)},
        "bytes": {**sizes, **compressed_sizes(trained.vocabulary.decode(ids))},
    }


def restore_text(trained: Trained, state: StateFile, save_state: StateFile) -> Restored | None:
    """Return what a text goes on from and leaves, None for nothing; raises as `restore`."""
    return None if state is None and save_state is None else restore(trained, state, save_state)


def ids_of(trained: Trained, text: str | bytes | Path) -> np.ndarray:
    """Return the ids `[N]` of a text in the model's own vocabulary."""
    if isinstance(text, Path):
        return encode_file(text, trained.experiment.task.reading(), trained.vocabulary)  # type: ignore[union-attr]
    if not isinstance(text, (str, bytes)):
        raise InputError(f"text: expected a text, or the Path of one, received {shown(text)}")
    return trained.vocabulary.encode_text(text, "text")


def score_ids(
    trained: Trained, ids: np.ndarray, window: int, runtime: str = "tensorflow", restored: Restored | None = None
) -> dict[str, Any]:
    """Measure as `score_text` does, from ids `[N]`."""
    state = None if restored is None or not restored.start.steps[0] else restored.start
    if len(ids) < (2 if state is None else 1):
        least = "two symbols or more (the first is only read)" if state is None else "one symbol or more"
        raise InputError(f"text: expected {least}, received {len(ids)}")
    reader = reader_of(trained, runtime)
    found = carried_losses(reader, ids, None if state is None else state.arrays)
    carried = (
        found.nats if state is None else np.append(cross_entropy(state.outputs[:, -1:], ids[None, :1]), found.nats)
    )
    _require_finite(carried)
    scores = {"step": trained.step, "symbols": len(ids), "targets": len(carried)}
    if restored is not None and restored.path is not None:
        _save(trained, ids, runtime, restored, found)
    if state is not None:
        return {**scores, "carried": _measures(carried)}
    window = min(window, len(ids) - 1)
    cold = cold_losses(reader, ids, window)
    _require_finite(cold)
    return {
        **scores,
        "window": window,
        "carried": _measures(carried),
        "cold": _measures(cold),
        "by_position": {"carried": _by_position(carried, window), "cold": _by_position(cold, window)},
    }


def _save(trained: Trained, ids: np.ndarray, runtime: str, restored: Restored, found: Losses) -> None:
    """Save the state after the last symbol: the last piece is read again, since it was padded."""
    arrays = [np.asarray(part) for part in found.before]
    before = restored.start._replace(arrays=arrays, steps=restored.start.steps + found.first)
    carried = Carried(open_runner(trained, runtime), before)
    carried.read(ids[None, found.first :].astype(np.int32), ids[-1:])
    restored.save(carried.state)


def _require_finite(losses: np.ndarray) -> None:
    if not np.isfinite(losses).all():
        place = int(np.argmin(np.isfinite(losses))) + 1
        raise InputError(
            f"model: expected finite losses, received {losses[place - 1]} at target {place}: its weights are too "
            "large; train it again with a lower learning rate or train.grad_clip_norm"
        )


def _measures(losses: np.ndarray) -> dict[str, float | None]:
    return _from_nats(float(losses.mean(dtype=np.float64)))


def _from_nats(nats: float) -> dict[str, float | None]:
    return {"nats": nats, "bpc": nats / math.log(2), "perplexity": math.exp(nats) if nats < 700 else None}


def _by_position(losses: np.ndarray, window: int) -> list[float]:
    padded = np.full(-(-len(losses) // window) * window, np.nan)
    padded[: len(losses)] = losses
    return [float(mean) for mean in np.nanmean(padded.reshape(-1, window), axis=0)]


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the scores as a table for a person."""
    lines = [f"{scores['targets']:,} targets, weights of step {scores['step']:,}", ""]
    lines.append(f"{'':<24} {'nats':>8} {'bpc':>8} {'perplexity':>11}")
    texts = {"carried": "carried (one lane)", "cold": f"cold (windows of {scores.get('window')})"}
    texts["adaptive"] = "adaptive (learns)"
    for name in [name for name in texts if name in scores]:
        nats, bpc, perplexity = (scores[name][key] for key in ("nats", "bpc", "perplexity"))
        lines.append(f"{texts[name]:<24} {nats:>8.4f} {bpc:>8.4f} {perplexity or math.inf:>11.4g}")
    if "bytes" in scores:
        sizes = [f"{size:,} {'by ' * (name in ('xz', 'bzip2'))}{name}" for name, size in scores["bytes"].items()]
        lines += ["", f"bytes: {', '.join(sizes)}"]
    return "\n".join([*lines, *_places(scores)])


def _places(scores: dict[str, Any]) -> Iterator[str]:
    if "by_position" not in scores:
        return
    window, places = scores["window"], scores["by_position"]
    yield from ("", f"{'place in the window':<24} {'carried':>8} {'cold':>8} {'state helps by':>15}")
    for first, last in _spans(window):
        carried, cold = (float(np.mean(places[name][first - 1 : last])) for name in ("carried", "cold"))
        place = f"{first}" if first == last else f"{first} to {last}"
        yield f"{place:<24} {carried:>8.4f} {cold:>8.4f} {cold - carried:>15.4f}"


def _spans(window: int) -> list[tuple[int, int]]:
    """Return the spans 1, 2, 3 to 4, 5 to 8, ...: the loss changes fastest while the state is cold."""
    edges = [0, *(2**k for k in range(window.bit_length()) if 2**k < window), window]
    return [(first + 1, last) for first, last in pairwise(edges)]
