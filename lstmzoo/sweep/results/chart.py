"""The common part of a search's pictures: the trials that are drawn, their axes and their look."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lstmzoo.report.figures import drawable
from lstmzoo.sweep.results.axes import OFF, Scale, is_log, number, round_numbers, scale_of, short_names, shortened, text
from lstmzoo.sweep.results.trials import TrialResult, best_first
from lstmzoo.sweep.space.objective import Objective

BEST, GOOD, OTHER, FAILED, MEDIAN = "#e8710a", "#20639b", "#a9c4dc", "#c62828", "#555555"
SHOWN = 10  # the number of best trials that stand out


class Chart(NamedTuple):
    """The trials of a search that are drawn."""

    ranked: list[TrialResult]
    """The completed trials with a score, best first."""
    scores: list[float]
    """The objectives of `ranked`."""
    failed: list[TrialResult]
    names: dict[str, str]
    """Short names by path, in the order in which the paths occur."""
    scales: dict[str, Scale]
    objective: Objective

    def places(self, trials: Sequence[TrialResult], path: str) -> np.ndarray:
        """Return the places `[trials]` of trials on a path's axis; OFF for a trial without a value there."""
        place = self.scales[path].place
        return np.array([place(trial.values[path]) if path in trial.values else OFF for trial in trials])

    def described(self, trial: TrialResult, most: int, all_paths: bool = True) -> str:
        """Describe a trial in at most so many characters, as `units 8, depth 2`.

        all_paths: also the paths at which all trials have the same value.
        """
        paths = [path for path in self.names if path in trial.values]
        named = [path for path in paths if all_paths or self.scales[path].varies()]
        return shortened(", ".join(f"{self.names[path]} {text(trial.values[path])}" for path in named), most)

    def better(self) -> str:
        """Return the words that say which direction is better."""
        return f"{'higher' if self.objective.direction == 'max' else 'lower'} is better"


def find(trials: Sequence[TrialResult], objective: Objective) -> Chart:
    """Find the completed and the failed trials, and make axes that span the values of both."""
    ordered = best_first(trials, objective)
    known = [(trial, score) for trial in ordered if (score := trial.score()) is not None]
    failed = [trial for trial in ordered if trial.status == "failed"]
    drawn = [trial for trial in trials if trial.score() is not None or trial.status == "failed"]
    paths = list(dict.fromkeys(path for trial in drawn for path in trial.values))
    scales = {path: scale_of([trial.values[path] for trial in drawn if path in trial.values]) for path in paths}
    scores = drawable([score for _, score in known]).tolist()
    return Chart([t for t, _ in known], scores, failed, short_names(paths), scales, objective)


def headline(figure: Figure, chart: Chart) -> None:
    """Write the best trial in two lines at the top of the figure, which take half an inch."""
    width, height = figure.get_size_inches()
    counts = f"{len(chart.ranked)} completed" + (f", {len(chart.failed)} failed" if chart.failed else "")
    first, second = f"no {chart.objective.name} yet ({counts})", ""
    if chart.ranked:
        first = f"best {chart.objective.name} {number(chart.scores[0])}: {chart.ranked[0].name} ({counts})"
        second = chart.described(chart.ranked[0], round(13 * width))
    figure.text(0.2 / width, 1 - 0.22 / height, first, fontsize=10, weight="bold", va="center")
    figure.text(0.2 / width, 1 - 0.43 / height, second, fontsize=8.5, va="center", color=BEST)


def dress(axes: Any, scores: Sequence[float]) -> None:
    """Set up the y axis for these scores, with a grid and without a frame."""
    if is_log(scores):
        axes.set_yscale("log")
        marks = round_numbers(min(scores), max(scores), log=True)
        axes.set_yticks(marks, [number(mark) for mark in marks])
        axes.yaxis.set_minor_locator(NullLocator())  # they took half of the time
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def rank_color(share: float) -> tuple[float, float, float, float]:
    """Return the colour of a rank, from dark blue for the best (0) to pale yellow for the worst (1)."""
    return colormaps["YlGnBu_r"](0.08 + 0.84 * share)


def spread(count: int) -> np.ndarray:
    """Return numbers `[count]` spread evenly from -1 to 1, whatever the count: multiples of the golden ratio."""
    return (np.arange(count) * 0.6180339887 + 0.5) % 1 * 2 - 1
