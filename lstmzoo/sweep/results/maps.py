"""Maps of a search: all its values side by side, and units against depth."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from lstmzoo.report.figures import blank, collected, save_png, set_margins
from lstmzoo.sweep.results.axes import (
    OFF,
    Scale,
    bin_label,
    bins,
    is_log,
    is_number,
    number,
    scale_of,
    shortened,
    thinned,
)
from lstmzoo.sweep.results.chart import BEST, SHOWN, Chart, headline, rank_color, spread

Cells = dict[tuple[tuple[int, int], tuple[int, int]], list[float]]


@collected
def draw_parallel(path: Path, chart: Chart) -> None:
    """Draw parallel coordinates: a line for each completed trial through all its values to the objective."""
    last, count = len(chart.names), len(chart.ranked)
    figure = blank(max(7.5, 1.55 * last + 2), 5)
    axes = figure.subplots()
    set_margins(figure, 0.5, 0.15, 1.0, 1.1)
    heights = _axes_and_heights(axes, chart)
    lines = [np.column_stack([np.arange(last + 1), heights[:, rank]]) for rank in range(count)]
    colors = [_line_color(rank, count) for rank in range(count)]
    widths = [3.2 if rank == 0 else 1.7 if rank < SHOWN else 0.8 for rank in range(count)]
    axes.add_collection(LineCollection(lines[::-1], colors=colors[::-1], linewidths=widths[::-1]))  # the best on top
    axes.scatter(np.full(count, last), heights[last], s=16, c=colors, zorder=3, clip_on=False)
    axes.set(xlim=(-0.03, last + 0.03), ylim=(OFF - 0.07, 1.03))
    axes.set_axis_off()
    headline(figure, chart)
    save_png(figure, path)


def _axes_and_heights(axes: Any, chart: Chart) -> np.ndarray:
    """Draw an axis for each path and the objective; return where each trial crosses them, `[axes, trials]`."""
    heights = []
    for at, (path, name) in enumerate(chart.names.items()):
        places = chart.places(chart.ranked, path)
        _coordinate(axes, at, name, chart.scales[path], off=bool((places == OFF).any()))
        heights.append(places + chart.scales[path].jitter * spread(len(places)))
    goal, last = scale_of(chart.scores), len(heights)
    _coordinate(axes, last, chart.objective.name, goal, off=False)
    axes.text(last, 1.02, chart.better(), ha="center", va="bottom", fontsize=7.5)
    return np.array([*heights, [goal.place(score) for score in chart.scores]])


def _coordinate(axes: Any, at: int, name: str, scale: Scale, off: bool) -> None:
    axes.plot([at, at], [0, 1], color="#333333", linewidth=1, zorder=4)
    title = ".\n".join(shortened(part, 20) for part in name.split("."))
    axes.text(at, 1.07, title, ha="center", va="bottom", fontsize=9, weight="bold")
    behind = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8}
    beside = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "zorder": 5}
    for place, label in [*([(OFF, "off")] if off else []), *thinned(scale.ticks, 20, upright=True)]:
        axes.plot([at], [place], "_", color="#333333", markersize=6, zorder=4)
        axes.annotate(label, (at, place), fontsize=8, bbox=behind, **beside)


def _line_color(rank: int, count: int) -> Any:
    """Return a line's colour: orange for the best, dark for the next, pale for others, transparent in a crowd."""
    if rank < SHOWN:
        return rank_color(0.015 * rank) if rank else BEST
    return (*rank_color(0.45 + 0.5 * (rank - SHOWN) / count)[:3], max(0.3, min(1.0, 60 / count)))


@collected
def draw_size_depth(path: Path, chart: Chart) -> None:
    """Draw the best objective by units and depth, with the number of trials; nothing if no trial has both numbers."""
    cells = size_depth_cells(chart)
    if not cells:
        return
    columns, rows = (sorted({key[part] for key in cells}) for part in (0, 1))
    figure = blank(max(6.0, 0.9 + 0.85 * len(columns)), 1.3 + 0.7 * max(2, len(rows)))
    axes = figure.subplots()
    set_margins(figure, 0.7, 0.6, 0.2, 0.7)
    shades = _shades([scores[0] for scores in cells.values()], chart.objective.direction)
    for ((column, row), scores), shade in zip(cells.items(), shades, strict=True):
        _cell(axes, columns.index(column), rows.index(row), scores, shade, scores[0] == chart.scores[0])
    axes.set_facecolor("#f2f2f2")
    axes.set_xticks(range(len(columns)), [bin_label(bounds) for bounds in columns])
    axes.set_yticks(range(len(rows)), [bin_label(bounds) for bounds in rows])
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
    axes.set_xlabel(f"model.units (in each cell the best {chart.objective.name}, and of how many)", fontsize=9)
    axes.set_ylabel("model.depth", fontsize=9)
    axes.tick_params(length=0, labelsize=9)
    headline(figure, chart)
    save_png(figure, path)


def size_depth_cells(chart: Chart) -> Cells:
    """Return scores, best first, by the bins of units and of depth; empty if no trial has both as numbers."""
    known: list[tuple[int, int, float]] = []
    for trial, score in zip(chart.ranked, chart.scores, strict=True):
        units, depth = (trial.values.get(path, "") for path in ("model.units", "model.depth"))
        if is_number(units) and is_number(depth):
            known.append((int(units), int(depth), score))
    columns, rows = bins(units for units, _, _ in known), bins(depth for _, depth, _ in known)
    cells: Cells = {}
    for units, depth, score in known:
        column = next(bounds for bounds in columns if units <= bounds[1])
        row = next(bounds for bounds in rows if depth <= bounds[1])
        cells.setdefault((column, row), []).append(score)
    return cells


def _shades(bests: list[float], direction: str) -> list[float]:
    """Return a shade for each cell, from 0 for the best to 1."""
    scale = Scale(min(bests), max(bests), is_log(bests), (), (), 0)
    return [1 - scale.place(best) if direction == "max" else scale.place(best) for best in bests]


def _cell(axes: Any, column: int, row: int, scores: list[float], shade: float, best: bool) -> None:
    red, green, blue, _ = color = rank_color(shade)
    ink = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.55 else "black"
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=color, edgecolor="white"))
    if best:
        corner = (column - 0.46, row - 0.45)
        axes.add_patch(Rectangle(corner, 0.92, 0.9, fill=False, edgecolor=BEST, linewidth=3, zorder=3))
    axes.text(column, row + 0.12, number(scores[0]), ha="center", va="center", color=ink, fontsize=9, weight="bold")
    axes.text(column, row - 0.25, f"of {len(scores)}", ha="center", va="center", color=ink, fontsize=7)
