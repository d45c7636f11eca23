"""Pictures of a search: the objective against each value, the curves of the best, and where the good ones lie."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D

from lstmzoo.report.figures import blank, collected, save_png, set_margins
from lstmzoo.sweep.results.axes import MOST_TICKED, OFF, Tick, is_number, number, thinned
from lstmzoo.sweep.results.chart import BEST, FAILED, GOOD, MEDIAN, OTHER, SHOWN, Chart, dress, find, headline, spread
from lstmzoo.sweep.results.maps import draw_parallel, draw_size_depth
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.objective import Objective

Curve = tuple[list[int], list[float]]
LEAST = 12  # trials that a median is worth drawing for
WIDE = 64  # characters of a line in the legend of the curves


def draw_search(
    folder: Path, trials: Sequence[TrialResult], objective: Objective, curves: Callable[[TrialResult], Curve]
) -> None:
    """Write objective.png, curves.png, parallel.png and size_depth.png into the folder.

    `curves` gives the steps at which a trial's objective was measured, and what it was.
    A picture for which there is nothing to draw is not written, and one that stands there is left.
    Raises OSError where the folder cannot be written.
    """
    found = find(trials, objective)
    if found.names:
        _draw_objective(folder / "objective.png", found)
    if found.ranked:
        _draw_curves(folder / "curves.png", found, [curves(trial) for trial in found.ranked[:SHOWN]])
    if found.ranked and found.names:
        draw_parallel(folder / "parallel.png", found)
    draw_size_depth(folder / "size_depth.png", found)


@collected
def _draw_objective(path: Path, found: Chart) -> None:
    columns = min(4, len(found.names))
    rows = math.ceil(len(found.names) / columns)
    width, height = max(6.5, 1.05 + 2.7 * columns), 1.1 + 2.75 * rows
    figure = blank(width, height)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    set_margins(figure, 0.85, 0.7, 0.2, 1.0, hspace=0.45, wspace=0.08)
    for axes, name in zip(panels.flat, found.names, strict=False):
        _panel(axes, found, name, 14 * (width - 1) / columns)
    for axes in panels.flat[len(found.names) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel(f"{found.objective.name} ({found.better()})", fontsize=9)
    headline(figure, found)
    handles = _marks(found)
    corner = {"loc": "upper left", "bbox_to_anchor": (0.2 / width, 1 - 0.53 / height), "borderpad": 0}
    narrow = {"handletextpad": 0.2, "handlelength": 1.2, "fontsize": 8, "frameon": False}
    figure.legend(handles=handles, ncols=max(1, len(handles)), **narrow, **corner)
    save_png(figure, path)


def _marks(found: Chart) -> list[Line2D]:
    """The legend's entries for what is drawn."""
    count = len(found.ranked)
    marks = (
        ("*", BEST, "best", count),
        ("o", GOOD, f"{SHOWN} best", count > 1),
        ("o", OTHER, "others", count > SHOWN),
        ("_", MEDIAN, "median", count >= LEAST),
        ("|", FAILED, "failed", found.failed),
    )
    return [Line2D([], [], marker=m, color=c, linestyle="", label=label) for m, c, label, drawn in marks if drawn]


def _panel(axes: Any, found: Chart, path: str, room: float) -> None:
    """One path; room: characters along its axis."""
    scale, scores = found.scales[path], np.array(found.scores)
    places, lost = found.places(found.ranked, path), found.places(found.failed, path)
    drawn = places + scale.jitter * spread(len(places))
    axes.scatter(drawn[SHOWN:], scores[SHOWN:], s=14, color=OTHER, linewidths=0)
    bar = {"color": MEDIAN, "linewidth": 1, "marker": "_", "markersize": 12, "markeredgewidth": 1.5}
    if len(scale.categories) <= MOST_TICKED:
        axes.plot(*medians(places, scores), linestyle="" if scale.categories else "-", **bar)
    axes.scatter(drawn[:SHOWN], scores[:SHOWN], s=20, color=GOOD, linewidths=0, zorder=3)
    axes.scatter(drawn[:1], scores[:1], s=140, marker="*", color=BEST, edgecolors="white", linewidths=0.6, zorder=4)
    edge = np.full(len(lost), 0.03 if found.objective.direction == "max" else 0.97)  # where the bad ones are
    ticks, above = lost + scale.jitter * spread(len(lost)), axes.get_xaxis_transform()
    axes.plot(ticks, edge, "|", color=FAILED, transform=above, zorder=5)
    dress(axes, found.scores)
    if not found.scores:
        axes.set_yticks([])
    axes.set_title(found.names[path], fontsize=9, pad=4)
    off = bool((places == OFF).any() or (lost == OFF).any())
    _label(axes, ((OFF, "off"), *scale.ticks) if off else scale.ticks, bool(scale.categories), room)
    axes.set_xlim(OFF - 0.06 if off else -0.06, 1.06)
    if off:
        axes.axvline(OFF / 2, color="#bbbbbb", linestyle=":", linewidth=1)


def _label(axes: Any, ticks: Sequence[Tick], slant: bool, room: float) -> None:
    """Ticks that have room side by side; names that have none are written aslant."""
    shown = thinned(ticks, room / 1.2)
    slant = slant and len(shown) < len(ticks)
    if slant:
        shown = thinned(ticks, 14, upright=True)
    axes.set_xticks([place for place, _ in shown], [label for _, label in shown], fontsize=7 if slant else 8)
    if slant:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")


def medians(places: np.ndarray, scores: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean place and median score of each of up to eight distinct places, or of six groups of about equal size.

    Both `[trials]`. Those that are OFF do not count, equal places are never parted, and LEAST trials are needed.
    """
    places, scores = places[places != OFF], scores[places != OFF]
    if len(places) < LEAST:
        return [], []
    edges = np.unique(places)
    if len(edges) > MOST_TICKED:
        edges = np.unique(np.quantile(places, np.arange(6) / 6))
    group = np.searchsorted(edges, places, side="right")
    parts = [group == number for number in np.unique(group)]
    return [float(places[part].mean()) for part in parts], [float(np.median(scores[part])) for part in parts]


@collected
def _draw_curves(path: Path, found: Chart, curves: Sequence[Curve]) -> None:
    labels = [_curve_label(found, rank) for rank in range(len(curves))]
    figure = blank(10.4, 1.4 + 0.34 * SHOWN + 0.09 * sum(label.count("\n") == 2 for label in labels))
    axes = figure.subplots()
    set_margins(figure, 0.85, 0.55, 4.15, 0.65)
    seen: list[float] = []
    for rank in reversed(range(len(curves))):  # the best one on top
        steps, values = _finite(curves[rank])
        color, width = (BEST, 2.4) if rank == 0 else (colormaps["viridis"](0.1 * rank), 1.2)
        axes.plot(steps, values, color=color, linewidth=width, label=labels[rank])
        if values:
            at = int((np.argmax if found.objective.direction == "max" else np.argmin)(values))
            axes.plot(steps[at], values[at], "o", color=color, markersize=3.5 + width)
        seen += values
    dress(axes, seen)
    axes.set_xlabel("step (a dot at each one's best)", fontsize=9)
    axes.set_ylabel(f"{found.objective.name} ({found.better()})", fontsize=9)
    axes.margins(x=0.02)
    corner = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.03)}
    axes.legend(reverse=True, frameon=False, fontsize=7.5, labelspacing=0.6, **corner)
    headline(figure, found)
    save_png(figure, path)


def _curve_label(found: Chart, rank: int) -> str:
    """The objective and the name, then up to two lines of those values in which the trials differ."""
    trial = found.ranked[rank]
    lines = wrap(found.described(trial, 999, all_paths=False), WIDE, max_lines=2, placeholder=" …")
    return "\n".join([f"{number(found.scores[rank])}  {trial.name}", *lines])


def _finite(curve: Curve) -> tuple[list[int], list[float]]:
    pairs = [(step, value) for step, value in zip(*curve, strict=True) if is_number(value)]
    return [step for step, _ in pairs], [value for _, value in pairs]
