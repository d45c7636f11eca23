"""The picture of a series run: targets, predictions and errors on three stretches, and the baselines beside them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lstmzoo.report.figures import blank, collected, drawable, save_png, set_margins
from lstmzoo.report.views import Stretches
from lstmzoo.tasks.task import Numbers, Picture

TARGET, PREDICTION, ERROR, WARMUP = "#a9bdd3", "#c0392b", "#e8a39b", "#f1e9d8"
BARS = (PREDICTION, "#8a8f98", "#c3c6cc")  # the model, persistence, the mean
MOST_TARGETS, MOST_NAME, MOST_PLACE = 3, 18, 30  # targets that are drawn; characters of a name, of a place
WIDTH, HEIGHT, LOWEST = 14.0, 2.3, 3.3  # inches: of the figure, of a target's panels, of those of a single target


@collected
def draw_series(path: Path, view: Stretches, picture: Picture) -> None:
    """Draw the first targets, a row of panels each: a panel for each stretch, and the errors of model and baselines."""
    numbers = picture.numbers
    assert numbers is not None
    names = numbers.scaling.targets
    rows = min(len(names), MOST_TARGETS)
    height = LOWEST if rows == 1 else HEIGHT * rows
    figure = blank(WIDTH, height + 1.25)
    widths = [*(3 for _ in view.names), 0.35, 1.8]  # the narrow one is for the names of the bars
    grid = figure.add_gridspec(rows, len(widths), width_ratios=widths, wspace=0.2, hspace=0.16)
    set_margins(figure, 0.95, 0.55, 0.3, 0.7)
    targets, predictions = (numbers.scaling.unscale_targets(part) for part in (view.targets, view.predictions))
    for row in range(rows):
        shown = (drawable(targets[..., row]), drawable(predictions[..., row]))
        panels = _stretches(figure, grid, row, shown, view.begins)
        _dress(panels, view, numbers, picture.label, is_first=row == 0, is_last=row == rows - 1)
        panels[0][0].set_ylabel(_short(names[row]), parse_math=False)
        _draw_errors(figure.add_subplot(grid[row, -1]), names[row], view, numbers, is_first=row == 0)
    _head(figure, view, len(names), rows)
    save_png(figure, path)


def _stretches(figure: Any, grid: Any, row: int, shown: Any, begins: np.ndarray) -> list[Any]:
    """Draw a target on all stretches; return pairs of axes. The axes of errors have one scale."""
    largest, panels = 0.0, []
    for column, (target, prediction, begin) in enumerate(zip(*shown, begins, strict=True)):
        inner = grid[row, column].subgridspec(2, 1, height_ratios=(3, 1), hspace=0.06)
        above = figure.add_subplot(inner[0])
        below = figure.add_subplot(inner[1], sharex=above)
        known, steps = _spans(np.isfinite(target), begin), np.arange(len(target))
        prediction = np.where(known[1], prediction, np.nan)
        error = prediction - target
        for axes in (above, below):
            axes.fill_between(steps, 0, 1, where=known[0], transform=axes.get_xaxis_transform(), color=WARMUP, lw=0)
        _line(above, target, TARGET, 3.2)
        _line(above, prediction, PREDICTION, 1.1)
        below.fill_between(steps, error, color=ERROR, lw=0)
        _line(below, error, PREDICTION, 0.8)
        largest = max(largest, float(np.nanmax(np.abs(error), initial=0)))
        panels.append((above, below))
    for _, below in panels:
        below.set_ylim(-1.1 * (largest or 1), 1.1 * (largest or 1))
    return panels


def _spans(known: np.ndarray, begins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each step whether it is before the first target that counts (warm-up), and not after the last one.

    Both start again where another recording begins; after the last one there may be nothing but padding.
    """
    warmup, shown = np.zeros_like(known), np.zeros_like(known)
    edges = [0, *np.flatnonzero(begins[1:]) + 1, len(known)]
    for first, end in pairwise(edges):
        found = np.flatnonzero(known[first:end])
        if found.size:
            warmup[first : first + found[0]] = True
            shown[first : first + found[-1] + 1] = True
    return warmup, shown


def _line(axes: Any, values: np.ndarray, color: str, width: float) -> None:
    """Draw a line with gaps where values are missing, and a point for a value between two gaps."""
    steps, known = np.arange(len(values)), np.isfinite(values)
    axes.plot(steps, values, color=color, linewidth=width, solid_capstyle="round")
    around = np.concatenate([[False], known, [False]])
    alone = known & ~around[:-2] & ~around[2:]
    if alone.any():
        axes.plot(steps[alone], values[alone], "o", color=color, markersize=width + 0.6)


def _dress(panels: list[Any], view: Stretches, numbers: Numbers, label: str, is_first: bool, is_last: bool) -> None:
    for (above, below), name, place in zip(panels, view.names, view.places, strict=True):
        for axes in (above, below):
            axes.tick_params(labelsize=8.5)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        above.tick_params(labelbottom=False)
        above.yaxis.set_major_locator(MaxNLocator(4, prune="lower"))
        below.yaxis.set_major_locator(MaxNLocator(2, symmetric=True))
        below.tick_params(labelbottom=is_last)
        above.set_xlim(-0.5, view.targets.shape[1] - 0.5)
        above.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        if is_first:
            title = f"{name}: from {_short(numbers.where(*place), MOST_PLACE)} on"
            above.set_title(title, loc="left", fontsize=9.5, parse_math=False)
        if is_last:
            below.set_xlabel(label, fontsize=9)
    panels[0][1].set_ylabel("error", fontsize=8.5)
    for _, below in panels[1:]:
        below.tick_params(labelleft=False)  # the scale is that of the first one


def _draw_errors(axes: Any, target: str, view: Stretches, numbers: Numbers, is_first: bool) -> None:
    """Draw val_rmse of the model and of each baseline as bars from 0, with how many times more a baseline's is."""
    own = view.measures.get(f"val_rmse/{target}", view.measures.get("val_rmse", np.nan))
    errors = {"model": own} | {name: found[target] for name, found in numbers.baselines.items()}
    places, values = np.arange(len(errors)), drawable([*errors.values()])
    axes.barh(places, values, height=0.62, color=BARS[: len(errors)])
    for place, value in zip(places, values, strict=True):
        times = f"  ({value / own:.3g} x)" if place and own > 0 else ""
        axes.text(value, place, f" {value:.3g}{times}", va="center", fontsize=9)
    axes.set(yticks=places, xlim=(0, 1.75 * (max(values) or 1)), ylim=(len(errors) - 0.3, -0.7), xticks=[])
    axes.set_yticklabels([*errors], fontsize=9)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    if is_first:
        axes.set_title("val_rmse", loc="left", fontsize=9.5)


def _head(figure: Any, view: Stretches, count: int, rows: int) -> None:
    """Say how good the model is and what is drawn, and what the colours mean."""
    mean = f", mean of {count} targets" if count > 1 else ""
    left_out = f" (the first {rows} are drawn)" if rows < count else ""
    *first, last = view.names
    among = f"; {', '.join(first)} and {last} of {view.among:,} stretches" if first else ""
    text = f"val_r2 {view.measures['val_r2']:.5g}{mean}{left_out}{among}"
    top = 1 - 0.12 / figure.get_figheight()
    figure.text(0.95 / WIDTH, top, text, va="top", fontsize=11.5)
    handles = [
        Line2D([], [], color=TARGET, linewidth=3.2, label="target"),
        Line2D([], [], color=PREDICTION, linewidth=1.3, label="prediction"),
        Patch(color=ERROR, label="prediction - target"),
        Patch(color=WARMUP, label="warm-up"),
    ]
    place = {"loc": "upper right", "bbox_to_anchor": (1 - 0.25 / WIDTH, top + 0.04 / figure.get_figheight())}
    figure.legend(handles=handles, ncols=len(handles), frameon=False, fontsize=9.5, borderpad=0, **place)


def _short(name: str, most: int = MOST_NAME) -> str:
    return name if len(name) <= most else "..." + name[3 - most :]
