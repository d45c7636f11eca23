"""Pictures of the series: errors as bars, a free run of the chaos, a stretch of each of the others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.report.figures import blank, save_png, set_margins

COLORS = {"lstmzoo": "#4c78a8", "PyTorch": "#f2a03d", "linear": "#3a9b4e", "persistence": "#b0b0b0"}
TRUTH, READ_SHOWN, STRETCH = "#222222", 100, 120  # rows shown before a free run, and of a stretch
SOUND, RATE = 280, 44.1  # rows shown of the clipper; rows a millisecond


class Shown(NamedTuple):
    """A stretch of one lane in the units of the data, `[n]` each: what went in, what came out, what was predicted."""

    inputs: np.ndarray
    truth: np.ndarray
    predicted: dict[str, np.ndarray]


def draw_bars(path: Path, rows: Sequence[dict[str, Any]], methods: Sequence[str]) -> None:
    """The median NRMSE of each question and method, and a point for each seed."""
    questions = list(dict.fromkeys((row["series"], row["ahead"]) for row in rows))
    figure, (axes,) = panels(9, 3.4)
    for place, method in enumerate(methods):
        found = np.array([[row[method] for row in rows if (row["series"], row["ahead"]) == each] for each in questions])
        at = np.arange(len(questions)) + (place - (len(methods) - 1) / 2) * 0.2
        axes.bar(at, np.median(found, axis=1), 0.18, color=COLORS[method], label=method, zorder=2)
        axes.plot(at, found, ".", color=TRUTH, markersize=4, zorder=3)
    axes.axhline(1, color=TRUTH, linewidth=0.8, linestyle=":", zorder=1)
    axes.text(-0.48, 1.15, "the mean", fontsize=8)
    axes.set(yscale="log", ylabel="NRMSE (lower is better)", xlim=(-0.5, len(questions) - 0.5))
    names = [f"{name}\n{said(ahead)}" for name, ahead in questions]
    axes.set_xticks(range(len(questions)), names)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color="#e6e6e6")
    axes.legend(frameon=False, ncol=len(methods), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    save_png(figure, path)


def said(ahead: int) -> str:
    """How far ahead, in words."""
    return "the same row" if ahead == 0 else "1 row ahead" if ahead == 1 else f"{ahead} rows ahead"


def draw_ahead(
    path: Path,
    read: np.ndarray,
    truth: np.ndarray,
    predicted: dict[str, np.ndarray],
    errors: dict[str, np.ndarray],
    ahead: int,
) -> None:
    """One free run beside the truth, and the errors of all starts by rows ahead."""
    figure, (left, right) = panels(11, 3.4, [1.5, 1])
    at = np.arange(1, len(truth) + 1)
    known = read[-READ_SHOWN:]
    left.plot(np.arange(1 - len(known), len(truth) + 1), np.concatenate([known, truth]), color=TRUTH, linewidth=2.2)
    for method in ("linear", "PyTorch", "lstmzoo"):
        left.plot(at, predicted[method], color=COLORS[method], linewidth=1.3)
        right.plot(at, errors[method], color=COLORS[method], linewidth=1.6, label=method)
    right.plot(at, errors["persistence"], color=COLORS["persistence"], linewidth=1.6, label="persistence")
    low, high = truth.min(), truth.max()
    left.set(
        xlabel="rows ahead", xlim=(-len(known), len(truth)), ylim=(low - (high - low) * 0.2, high + (high - low) * 0.35)
    )
    left.axvline(0, color="#888888", linewidth=0.8)
    left.text(-4, left.get_ylim()[1] * 0.97, "read", ha="right", va="top", color="#666666")
    left.text(4, left.get_ylim()[1] * 0.97, "each prediction is the next input", va="top", color="#666666")
    right.axvline(ahead, color="#888888", linewidth=0.8)
    right.text(ahead + 3, right.get_ylim()[0], f"{ahead}", color="#666666", va="bottom")
    right.set(yscale="log", xlabel="rows ahead", ylabel="NRMSE of all starts", xlim=(0, len(truth)))
    right.legend(frameon=False, loc="lower right")
    save_png(figure, path)


def draw_stretch(path: Path, shown: Shown) -> None:
    """A stretch of the truth, of our predictions and of the linear model's."""
    figure, (axes,) = panels(9, 3)
    here, at = slice(STRETCH), np.arange(STRETCH)
    axes.plot(at, shown.truth[here], color=TRUTH, linewidth=2.2, label="truth")
    for method in ("linear", "lstmzoo"):
        axes.plot(at, shown.predicted[method][here], color=COLORS[method], linewidth=1.3, label=method)
    axes.set(xlabel="row", ylabel="y", xlim=(0, STRETCH - 1))
    axes.legend(frameon=False, ncol=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    save_png(figure, path)


def draw_clipper(path: Path, shown: Shown) -> None:
    """Some milliseconds around the loudest input, and the curve from input to output."""
    figure, (left, right) = panels(11, 3.4, [1.8, 1])
    middle = int(np.argmax(np.abs(shown.inputs[SOUND:-SOUND]))) + SOUND
    here, at = slice(middle - SOUND // 2, middle + SOUND // 2), np.arange(SOUND) / RATE
    left.plot(at, shown.inputs[here], color="#c4c4c4", linewidth=1.2, label="input")
    left.plot(at, shown.truth[here], color=TRUTH, linewidth=2.4, label="output")
    for method in ("linear", "lstmzoo"):
        left.plot(at, shown.predicted[method][here], color=COLORS[method], linewidth=1.3, label=method)
    high = 1.35 * np.abs(shown.truth[here]).max()
    left.set(xlabel="milliseconds", ylabel="volt", xlim=(0, at[-1]), ylim=(-high, high))
    left.legend(frameon=False, ncol=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    right.plot(shown.inputs, shown.truth, ".", color=TRUTH, markersize=2.5)
    right.plot(shown.inputs, shown.predicted["lstmzoo"], ".", color=COLORS["lstmzoo"], markersize=1)
    right.set(xlabel="input (volt)", ylabel="output (volt)")
    save_png(figure, path)


def panels(width: float, height: float, ratios: Sequence[float] = (1,)) -> tuple[Any, list[Any]]:
    """A picture and its axes, side by side."""
    figure = blank(width, height)
    axes = figure.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    set_margins(figure, 0.7, 0.62, 0.2, 0.38, wspace=0.25)
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)
