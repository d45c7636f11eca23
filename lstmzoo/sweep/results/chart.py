"""What the pictures of a search have in common: the trials that are drawn, their axes and their look."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lstmzoo.sweep.results.axes import OFF, Scale, is_log, number, round_numbers, scale_of, short_names, shortened, text
from lstmzoo.sweep.results.trials import TrialResult, best_first
from lstmzoo.sweep.space.objective import Objective

BEST, GOOD, OTHER, FAILED, MEDIAN = "#e8710a", "#20639b", "#a9c4dc", "#c62828", "#555555"
SHOWN = 10  # the best ones


class Chart(NamedTuple):
    """The trials of a search that are drawn."""

    ranked: list[TrialResult]
    """Completed ones with a score, best first."""
    scores: list[float]
    """The objectives of `ranked`."""
    failed: list[TrialResult]
    names: dict[str, str]
    """Short name by path, in the order in which the paths are met."""
    scales: dict[str, Scale]
    objective: Objective

    def places(self, trials: Sequence[TrialResult], path: str) -> np.ndarray:
        """Where the trials stand on the path's axis, `[trials]`; OFF where one has no such value."""
        place = self.scales[path].place
        return np.array([place(trial.values[path]) if path in trial.values else OFF for trial in trials])

    def described(self, trial: TrialResult, most: int, all_paths: bool = True) -> str:
        """`units 8, depth 2`, of at most so many characters; all_paths: also those of which there is one value."""
        paths = [path for path in self.names if path in trial.values]
        told = [path for path in paths if all_paths or self.scales[path].varies()]
        return shortened(", ".join(f"{self.names[path]} {text(trial.values[path])}" for path in told), most)

    def better(self) -> str:
        """Which end is the good one."""
        return f"{'higher' if self.objective.direction == 'max' else 'lower'} is better"


def find(trials: Sequence[TrialResult], objective: Objective) -> Chart:
    """The completed and the failed trials; axes span the values of both."""
    ordered = best_first(trials, objective)
    known = [(trial, score) for trial in ordered if (score := trial.score()) is not None]
    failed = [trial for trial in ordered if trial.status == "failed"]
    drawn = [trial for trial in trials if trial.score() is not None or trial.status == "failed"]
    paths = list(dict.fromkeys(path for trial in drawn for path in trial.values))
    scales = {path: scale_of([trial.values[path] for trial in drawn if path in trial.values]) for path in paths}
    return Chart([t for t, _ in known], [s for _, s in known], failed, short_names(paths), scales, objective)


def headline(figure: Figure, found: Chart) -> None:
    """The best trial in two lines at the top of the figure, which take half an inch."""
    width, height = figure.get_size_inches()
    counts = f"{len(found.ranked)} completed" + (f", {len(found.failed)} failed" if found.failed else "")
    first, second = f"no {found.objective.name} yet ({counts})", ""
    if found.ranked:
        first = f"best {found.objective.name} {number(found.scores[0])}: {found.ranked[0].name} ({counts})"
        second = found.described(found.ranked[0], round(13 * width))
    figure.text(0.2 / width, 1 - 0.22 / height, first, fontsize=10, weight="bold", va="center")
    figure.text(0.2 / width, 1 - 0.43 / height, second, fontsize=8.5, va="center", color=BEST)


def dress(axes: Any, scores: Sequence[float]) -> None:
    """A y axis for these scores, with a grid and without a frame."""
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
    """Dark blue for the best, 0, to pale yellow for the worst, 1."""
    return colormaps["YlGnBu_r"](0.08 + 0.84 * share)


def spread(count: int) -> np.ndarray:
    """From -1 to 1 evenly, however many are taken, `[count]`: multiples of the golden ratio."""
    return (np.arange(count) * 0.6180339887 + 0.5) % 1 * 2 - 1
