"""The curves of many runs in one picture: training loss above, validation loss below."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from lstmzoo.report.figures import blank, collected, drawable, save_png, set_margins
from lstmzoo.report.summary import Summary, shared_words
from lstmzoo.runs.curve import SMOOTHING, Curve

COLORS = ("#4c78a8", "#e45756", "#3a9b4e", "#f2a03d", "#8e6bbd", "#17a3b8", "#9d6b4f", "#e377c2", "#6b6b6b", "#b5b82e")
GREY = "#c4c4c4"
MOST_POINTS, MOST_LABEL = 60, 27  # validations that have a point each; characters of a name in the legend
LEAST = 1e-12  # smallest loss that is drawn: a logarithmic axis has no 0
WINDOWS = 50  # parts of the longest run; the training losses of all runs are smoothed over one part
TICKS = ((10, (1, 1.5, 2, 3, 4, 5, 7)), (2000, (1, 2, 5)), (np.inf, (1,)))  # up to a ratio of high to low


@collected
def draw_runs(path: Path, runs: Sequence[Summary]) -> None:
    """Draw runs, given best first: the best ten in colours, the best on top, all others in thin grey."""
    figure = blank(11.5, 7.5)
    panels = figure.subplots(2, 1, sharex=True)
    set_margins(figure, 0.75, 0.52, 2.93, 0.34, hspace=0.2)
    window = max(1, max(run.curve.steps for run in runs) // WINDOWS)
    for place, run in reversed([*enumerate(runs)]):
        _draw_training(panels[0], run, window, _style(place, len(runs)))
        _draw_validation(panels[1], run, _style(place, len(runs)))
    over, unit = f", smoothed over {window:,} steps" if window > 1 else "", shared_words(runs).of_loss
    _dress(panels[0], f"training loss{over}{unit}")
    _dress(panels[1], f"validation loss{unit}")
    panels[1].set_xlabel("step")
    if not any(run.curve.steps for run in runs):
        panels[1].set_xlim(0, 1)
    _add_legend(panels[0], runs)
    save_png(figure, path)


def moving_mean(curve: Curve, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return steps `[n]`, and the training loss `[n]` smoothed over about `window` steps around each of them.

    The curve must start at 0. It keeps an exponential mean s after every g steps. The losses between two of them have
    the mean (s' - a^g s) / (1 - a^g), where a is the smoothing: with groups of one step, that step's own loss. They are
    averaged as logarithms, as they are drawn: the few high losses at the start of each echo epoch leave a low hump.
    """
    smoothed = drawable(curve.drawn()[3])
    remains, count, group = SMOOTHING**curve.group, len(smoothed), curve.group
    between = (smoothed[1:] - remains * smoothed[:-1]) / (1 - remains)
    losses = np.array([smoothed[0] / (1 - SMOOTHING), *between])
    sums = np.cumsum([0, *np.log(np.maximum(losses, LEAST))])
    half = window // group // 2
    first = np.maximum(np.arange(count) - half, 0)
    last = np.minimum(np.arange(count) + half + 1, count)
    steps = np.array([1, *(group * np.arange(count - 1) + 1.5 + group / 2)])
    return steps, np.exp((sums[last] - sums[first]) / (last - first))


def _style(place: int, count: int) -> dict[str, Any]:
    if place >= len(COLORS):
        return {"color": GREY, "linewidth": 0.7, "zorder": 1}
    return {"color": COLORS[place], "linewidth": 1.8 if count <= 3 or place == 0 else 1.3, "zorder": 2.5 - 0.01 * place}


def _draw_training(axes: Any, run: Summary, window: int, style: dict[str, Any]) -> None:
    if run.curve.steps:
        axes.plot(*moving_mean(run.curve, window), marker="o" if run.curve.steps == 1 else None, markersize=4, **style)


def _draw_validation(axes: Any, run: Summary, style: dict[str, Any]) -> None:
    points = run.curve.validations
    if points:
        size = 1.5 if style["color"] == GREY else 4.0
        every = -(-len(points) // MOST_POINTS)
        at, losses = zip(*points, strict=True)
        axes.plot(at, np.maximum(drawable(losses), LEAST), "o-", markersize=size, markevery=every, **style)


def _dress(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.margins(x=0.02)
    if axes.lines:
        _scale(axes)
    else:
        axes.text(0.5, 0.5, "nothing is measured yet", transform=axes.transAxes, ha="center", color="#888888")
        axes.set_yticks([])


def _scale(axes: Any) -> None:
    """Make the y axis logarithmic, with plain numbers, as many as there is room for."""
    axes.set_yscale("log", nonpositive="mask")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=next(subs for ratio, subs in TICKS if high <= ratio * low)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:.4g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _add_legend(axes: Any, runs: Sequence[Summary]) -> None:
    """Add a legend beside the curves, with the best validation loss under each name."""
    handles = [Line2D([], [], color=color, linewidth=2.5) for color, _ in zip(COLORS, runs, strict=False)]
    names = [_name(run) for run in runs[: len(COLORS)]]
    if len(runs) > len(COLORS):
        handles.append(Line2D([], [], color=GREY, linewidth=1))
        names.append(f"{len(runs) - len(COLORS):,} more")
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.03), "fontsize": 9.5, "labelspacing": 0.9}
    legend = axes.legend(handles, [str(number) for number in range(len(names))], frameon=False, **place)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)  # a $ in a name is a $
        text.set_text(name)  # only now: matplotlib leaves a label that starts with _ out of a legend


def _name(run: Summary) -> str:
    label = run.label if len(run.label) <= MOST_LABEL else "..." + run.label[3 - MOST_LABEL :]
    loss = run.numbers["best_val_loss"]
    notes = [*([] if loss is None else [f"best {loss:.4g}"]), *([] if run.status == "completed" else [run.status])]
    return "\n".join([label, *([", ".join(notes)] if notes else [])])
