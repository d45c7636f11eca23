"""The loss of a trained char model on a text, with and without the carried state."""

import math
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lstmzoo.data.text import encode_file
from lstmzoo.errors import InputError, check_count
from lstmzoo.inference.losses import carried_losses, cold_losses
from lstmzoo.inference.runtimes import check_runtime, choose_runtime, reader_of
from lstmzoo.runs.trained import Trained, open_run


def score_text(
    run: str | os.PathLike[str], text: str | bytes | Path, *, window: int = 256, runtime: str = "auto"
) -> dict[str, Any]:
    """Measure how well the model of a run directory predicts a text: its content, or a `Path` to it.

    `carried` reads the text in one lane from zero state and counts all N - 1 targets; `cold` starts every window of
    `window` symbols at zero state. Both have nats a symbol, bpc and perplexity. `by_position` has the mean nats at each
    place in the window, of both: where carried is lower, the state that was carried into the window helps. `runtime` is
    as in `sample_text`.

    Raises `InputError` for a text of fewer than two symbols or one that the model cannot spell, for a path that is
    no run of a char task, and for a model whose losses are not finite.
    """
    check_count("window", window, 1)
    check_runtime(runtime)
    trained = open_run(run, text=True)
    ids = ids_of(trained, text)
    return score_ids(trained, ids, int(window), choose_runtime(runtime, len(ids)))


def ids_of(trained: Trained, text: str | bytes | Path) -> np.ndarray:
    """Return the ids `[N]` of a text in the model's own vocabulary."""
    if isinstance(text, Path):
        return encode_file(text, trained.experiment.task.reading(), trained.vocabulary)  # type: ignore[union-attr]
    return trained.vocabulary.encode_text(text, "text")


def score_ids(trained: Trained, ids: np.ndarray, window: int, runtime: str = "tensorflow") -> dict[str, Any]:
    """Measure as `score_text` does, from ids `[N]`."""
    if len(ids) < 2:
        raise InputError(f"text: expected two symbols or more (the first is only read), received {len(ids)}")
    window = min(window, len(ids) - 1)
    reader = reader_of(trained, runtime)
    carried, cold = carried_losses(reader, ids), cold_losses(reader, ids, window)
    for losses in (carried, cold):
        _require_finite(losses)
    return {
        "step": trained.step,
        "symbols": len(ids),
        "targets": len(carried),
        "window": window,
        "carried": _measures(carried),
        "cold": _measures(cold),
        "by_position": {"carried": _by_position(carried, window), "cold": _by_position(cold, window)},
    }


def _require_finite(losses: np.ndarray) -> None:
    if not np.isfinite(losses).all():
        place = int(np.argmin(np.isfinite(losses))) + 1
        raise InputError(
            f"model: expected finite losses, received {losses[place - 1]} at target {place}: its weights are too "
            "large; train it again with a lower learning rate or train.grad_clip_norm"
        )


def _measures(losses: np.ndarray) -> dict[str, float | None]:
    nats = float(losses.mean(dtype=np.float64))
    return {"nats": nats, "bpc": nats / math.log(2), "perplexity": math.exp(nats) if nats < 700 else None}


def _by_position(losses: np.ndarray, window: int) -> list[float]:
    padded = np.full(-(-len(losses) // window) * window, np.nan)
    padded[: len(losses)] = losses
    return [float(mean) for mean in np.nanmean(padded.reshape(-1, window), axis=0)]


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the scores as a table for a person."""
    window, places = scores["window"], scores["by_position"]
    lines = [f"{scores['targets']:,} targets, weights of step {scores['step']:,}", ""]
    lines.append(f"{'':<24} {'nats':>8} {'bpc':>8} {'perplexity':>11}")
    for name, text in (("carried", "carried (one lane)"), ("cold", f"cold (windows of {window})")):
        nats, bpc, perplexity = scores[name].values()
        lines.append(f"{text:<24} {nats:>8.4f} {bpc:>8.4f} {perplexity or math.inf:>11.4g}")
    lines += ["", f"{'place in the window':<24} {'carried':>8} {'cold':>8} {'state helps by':>15}"]
    for first, last in _spans(window):
        carried, cold = (float(np.mean(places[name][first - 1 : last])) for name in ("carried", "cold"))
        place = f"{first}" if first == last else f"{first} to {last}"
        lines.append(f"{place:<24} {carried:>8.4f} {cold:>8.4f} {cold - carried:>15.4f}")
    return "\n".join(lines)


def _spans(window: int) -> list[tuple[int, int]]:
    """Return the spans 1, 2, 3 to 4, 5 to 8, ...: the loss changes fastest while the state is cold."""
    edges = [0, *(2**k for k in range(window.bit_length()) if 2**k < window), window]
    return [(first + 1, last) for first, last in pairwise(edges)]
