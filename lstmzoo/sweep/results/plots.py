"""Pictures of a search: the objective against each value, the curves of the best trials, and two maps."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D

from lstmzoo.report.figures import blank, collected, drawable, save_png, set_margins
from lstmzoo.sweep.results.axes import MOST_TICKED, OFF, Tick, is_number, number, thinned
from lstmzoo.sweep.results.chart import BEST, FAILED, GOOD, MEDIAN, OTHER, SHOWN, Chart, dress, find, headline, spread
from lstmzoo.sweep.results.maps import draw_parallel, draw_size_depth
from lstmzoo.sweep.results.trials import TrialResult
from lstmzoo.sweep.space.objective import Objective

Curve = tuple[list[int], list[float]]
LEAST = 12  # fewest trials for which a median is drawn
WIDE = 64  # characters of a line in the legend of the curves


def draw_search(
    folder: Path, trials: Sequence[TrialResult], objective: Objective, curves: Callable[[TrialResult], Curve]
) -> None:
    """Write objective.png, curves.png, parallel.png and size_depth.png into the folder.

    `curves` gives the steps at which a trial's objective was measured, and its values there.
    A picture without anything to draw is not written, and an older one is left.
    Raises OSError if the folder cannot be written.
    """
    chart = find(trials, objective)
    if chart.names:
        _draw_objective(folder / "objective.png", chart)
    if chart.ranked:
        _draw_curves(folder / "curves.png", chart, [curves(trial) for trial in chart.ranked[:SHOWN]])
    if chart.ranked and chart.names:
        draw_parallel(folder / "parallel.png", chart)
    draw_size_depth(folder / "size_depth.png", chart)


@collected
def _draw_objective(path: Path, chart: Chart) -> None:
    columns = min(4, len(chart.names))
    rows = math.ceil(len(chart.names) / columns)
    width, height = max(6.5, 1.05 + 2.7 * columns), 1.1 + 2.75 * rows
    figure = blank(width, height)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    set_margins(figure, 0.85, 0.7, 0.2, 1.0, hspace=0.45, wspace=0.08)
    for axes, name in zip(panels.flat, chart.names, strict=False):
        _panel(axes, chart, name, 14 * (width - 1) / columns)
    for axes in panels.flat[len(chart.names) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel(f"{chart.objective.name} ({chart.better()})", fontsize=9)
    headline(figure, chart)
    handles = _marks(chart)
    corner = {"loc": "upper left", "bbox_to_anchor": (0.2 / width, 1 - 0.53 / height), "borderpad": 0}
    narrow = {"handletextpad": 0.2, "handlelength": 1.2, "fontsize": 8, "frameon": False}
    figure.legend(handles=handles, ncols=max(1, len(handles)), **narrow, **corner)
    save_png(figure, path)


def _marks(chart: Chart) -> list[Line2D]:
    """Return the legend's entries for the marks that are drawn."""
    count = len(chart.ranked)
    marks = (
        ("*", BEST, "best", count),
        ("o", GOOD, f"{SHOWN} best", count > 1),
        ("o", OTHER, "others", count > SHOWN),
        ("_", MEDIAN, "median", count >= LEAST),
        ("|", FAILED, "failed", chart.failed),
    )
    return [Line2D([], [], marker=m, color=c, linestyle="", label=label) for m, c, label, drawn in marks if drawn]


def _panel(axes: Any, chart: Chart, path: str, room: float) -> None:
    """Draw the objective against the values of one path; room: characters along its axis."""
    scale, scores = chart.scales[path], np.array(chart.scores)
    places, lost = chart.places(chart.ranked, path), chart.places(chart.failed, path)
    drawn = places + scale.jitter * spread(len(places))
    axes.scatter(drawn[SHOWN:], scores[SHOWN:], s=14, color=OTHER, linewidths=0)
    bar = {"color": MEDIAN, "linewidth": 1, "marker": "_", "markersize": 12, "markeredgewidth": 1.5}
    if len(scale.categories) <= MOST_TICKED:
        axes.plot(*medians(places, scores), linestyle="" if scale.categories else "-", **bar)
    axes.scatter(drawn[:SHOWN], scores[:SHOWN], s=20, color=GOOD, linewidths=0, zorder=3)
    axes.scatter(drawn[:1], scores[:1], s=140, marker="*", color=BEST, edgecolors="white", linewidths=0.6, zorder=4)
    edge = np.full(len(lost), 0.03 if chart.objective.direction == "max" else 0.97)  # where the bad ones are
    ticks, above = lost + scale.jitter * spread(len(lost)), axes.get_xaxis_transform()
    axes.plot(ticks, edge, "|", color=FAILED, transform=above, zorder=5)
    dress(axes, chart.scores)
    if not chart.scores:
        axes.set_yticks([])
    axes.set_title(chart.names[path], fontsize=9, pad=4)
    off = bool((places == OFF).any() or (lost == OFF).any())
    _label(axes, ((OFF, "off"), *scale.ticks) if off else scale.ticks, bool(scale.categories), room)
    axes.set_xlim(OFF - 0.06 if off else -0.06, 1.06)
    if off:
        axes.axvline(OFF / 2, color="#bbbbbb", linestyle=":", linewidth=1)


def _label(axes: Any, ticks: Sequence[Tick], slant: bool, room: float) -> None:
    """Set the ticks that have room side by side; names that have none are slanted."""
    shown = thinned(ticks, room / 1.2)
    slant = slant and len(shown) < len(ticks)
    if slant:
        shown = thinned(ticks, 14, upright=True)
    axes.set_xticks([place for place, _ in shown], [label for _, label in shown], fontsize=7 if slant else 8)
    if slant:
        for label in axes.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")


def medians(places: np.ndarray, scores: np.ndarray) -> tuple[list[float], list[float]]:
    """Return mean place and median score of up to eight distinct places, or of six groups of about equal size.

    Both inputs are `[trials]`. Places that are OFF do not count, and equal places stay in one group. With fewer than
    LEAST trials both lists are empty.
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
def _draw_curves(path: Path, chart: Chart, curves: Sequence[Curve]) -> None:
    labels = [_curve_label(chart, rank) for rank in range(len(curves))]
    figure = blank(10.4, 1.4 + 0.34 * SHOWN + 0.09 * sum(label.count("\n") == 2 for label in labels))
    axes = figure.subplots()
    set_margins(figure, 0.85, 0.55, 4.15, 0.65)
    seen: list[float] = []
    for rank in reversed(range(len(curves))):  # the best one on top
        steps, values = _finite(curves[rank])
        color, width = (BEST, 2.4) if rank == 0 else (colormaps["viridis"](0.1 * rank), 1.2)
        axes.plot(steps, values, color=color, linewidth=width, label=labels[rank])
        if values:
            at = int((np.argmax if chart.objective.direction == "max" else np.argmin)(values))
            axes.plot(steps[at], values[at], "o", color=color, markersize=3.5 + width)
        seen += values
    dress(axes, seen)
    axes.set_xlabel("step (a dot at each one's best)", fontsize=9)
    axes.set_ylabel(f"{chart.objective.name} ({chart.better()})", fontsize=9)
    axes.margins(x=0.02)
    corner = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.03)}
    axes.legend(reverse=True, frameon=False, fontsize=7.5, labelspacing=0.6, **corner)
    headline(figure, chart)
    save_png(figure, path)


def _curve_label(chart: Chart, rank: int) -> str:
    """Return the objective and the name, then up to two lines of the values in which the trials differ."""
    trial = chart.ranked[rank]
    lines = wrap(chart.described(trial, 999, all_paths=False), WIDE, max_lines=2, placeholder=" …")
    return "\n".join([f"{number(chart.scores[rank])}  {trial.name}", *lines])


def _finite(curve: Curve) -> tuple[list[int], list[float]]:
    pairs = [(step, value) for step, value in zip(*curve, strict=True) if is_number(value)]
    return [step for step, _ in pairs], drawable([value for _, value in pairs]).tolist()
