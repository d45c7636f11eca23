"""Pictures of a run: the loss, and the predictions of an echo model beside its targets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lstmzoo.report.figures import blank, collected, drawable, save_png, set_margins
from lstmzoo.report.series_plot import draw_series
from lstmzoo.report.views import Beginning
from lstmzoo.runs.curve import SMOOTHING, Curve
from lstmzoo.tasks.task import SYMBOLS, Picture, Words

LINE, INPUT, TARGET, PREDICTION, UNKNOWN = "#4c78a8", "#c0cfdf", "#e45756", "#3a9b4e", "#eadfc8"


@collected
def draw_loss(path: Path, curve: Curve, floor: float | None, title: str, words: Words = SYMBOLS) -> None:
    """Draw the training loss of every step and smoothed, the validation losses, and the loss floor if it is known."""
    figure, (axes,) = _figure(8, 4.5, 1)
    steps, *losses = curve.drawn()
    low, high, smoothed = map(drawable, losses)
    axes.fill_between(steps, low, high, color=INPUT, linewidth=1, label="each step")
    axes.plot(steps, smoothed, color=LINE, linewidth=1.8, label=f"smoothed ({SMOOTHING})")
    if curve.validations:
        at, validated = zip(*curve.validations, strict=True)
        axes.plot(at, drawable(validated), "o-", color=TARGET, markersize=4, linewidth=1, label="validation")
    if floor:
        axes.axhline(
            float(drawable(floor)), color="#888888", linestyle=":", label=f"floor of an epoch's mean: {floor:.2g}"
        )
    axes.set(xlabel="step", ylabel=f"loss{words.of_loss}", yscale="log", title=title)
    axes.margins(x=0.01)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    save_png(figure, path)


@collected
def draw_echo(path: Path, view: Beginning, picture: Picture) -> None:
    """Draw up to five lanes: input bits, targets and predictions; a red mark shows each wrong prediction."""
    view = Beginning(*(part[:5] for part in view))
    lanes = len(view.inputs)
    figure, rows = _figure(10, 1.1 + 1.15 * lanes, lanes)
    for lane, axes in enumerate(rows):
        _echo_lane(axes, Beginning(*(part[lane] for part in view)))
        axes.set_ylabel(f"lane {lane + 1}", rotation=0, ha="right", va="center")
    rows[-1].set_xlabel(picture.label)
    scored = view.weights > 0
    hits = int(((view.predictions == view.targets) & scored).sum())
    rows[0].set_title(f"{hits} of {int(scored.sum())} echoes right", loc="left")
    meaning = {INPUT: "input", TARGET: "target", PREDICTION: "prediction", UNKNOWN: "unknowable"}
    handles = [Patch(color=color, label=label) for color, label in meaning.items()]
    rows[0].legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False)
    save_png(figure, path)


def _echo_lane(axes: Any, lane: Beginning) -> None:
    inputs, targets, predictions, weights = lane
    steps = np.arange(len(inputs))
    layers = ((inputs, 1, 1, INPUT), (targets, 0.5, 0.9, TARGET), (predictions, 0.3, 0.6, PREDICTION))
    for bits, height, width, color in layers:
        ones = [(step - width / 2, width) for step in np.flatnonzero(bits)]
        axes.broken_barh(ones, (0, height), color=color)
    wrong = (predictions != targets) & (weights > 0)
    axes.plot(steps[wrong], np.full(wrong.sum(), 1.12), "v", color="#b00020", clip_on=False)
    unknown = np.flatnonzero(weights == 0)
    if len(unknown):
        axes.axvspan(unknown[0] - 0.5, unknown[-1] + 0.5, color=UNKNOWN, zorder=0)
    axes.set(ylim=(0, 1.2), yticks=[], xlim=(-0.5, len(inputs) - 0.5))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _figure(width: float, height: float, rows: int) -> tuple[Figure, Any]:
    figure = blank(width, height)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    set_margins(figure, 0.9, 0.55, 0.2, 0.4, hspace=0.25)
    return figure, axes


PICTURES: dict[str, Callable[[Path, Any, Picture], None]] = {"echo": draw_echo, "series": draw_series}
"""By the kind that a task names; `views.VIEWERS` has what each of them shows."""
