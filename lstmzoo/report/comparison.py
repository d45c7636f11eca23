"""The comparison of runs: their directories, their names, and the settings that differ. No TensorFlow."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lstmzoo.errors import InputError, path_of, shown
from lstmzoo.system.terminal import printable
from lstmzoo.zoo.pretrained import run_path

if TYPE_CHECKING:
    from lstmzoo.config.differences import Settings
    from lstmzoo.report.summary import Summary

TRIAL = re.compile(r"trial-\d{4,}(\.\d+)?")  # of a sweep; what follows the dot counts repeats
DERIVED = ("name", "execution.windows_per_call")  # the label and other settings say the same
MISSING = object()


class Comparison(NamedTuple):
    """Comparison of runs, the lowest best validation loss first and those without one last."""

    runs: "list[Summary]"
    differing: list[str]
    """Dotted paths of the settings that are not the same in all runs."""
    shared: "Settings"
    """The settings that are the same in all runs."""

    def measures(self) -> list[str]:
        """Return the measures that a table shows of the best step: val_loss, and those that all tasks compare."""
        shared = [name for name in self.runs[0].compared if all(name in run.compared for run in self.runs)]
        return ["val_loss", *shared]

    def tested(self) -> list[str]:
        """Return the measures of tests at a run's end that a table shows: none where no run was tested."""
        return ["test_loss"] if any("test_loss" in run.numbers for run in self.runs) else []

    def telling(self) -> list[str]:
        """Return the differing paths that others do not imply (an optimizer implies its arguments); the seed last."""
        paths = [path for path in self.differing if path not in DERIVED and not self._is_implied(path)]
        return sorted(paths, key=lambda path: path == "seed")

    def _is_implied(self, path: str) -> bool:
        held = [run.settings[path] for run in self.runs if path in run.settings]
        return len(held) < len(self.runs) and all(value == held[0] for value in held)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of report.csv, one mapping a run; what a run does not have is left out."""
        names = dict.fromkeys(name for run in self.runs for name in run.numbers)
        return [
            {"run": run.label, "status": run.status}
            | {name: run.numbers[name] for name in names if name in run.numbers}
            | {path: run.settings[path] for path in self.differing if path in run.settings}
            for run in self.runs
        ]


def compare(runs: Iterable[str | os.PathLike[str]]) -> Comparison:
    """Read run directories, and all runs in sweep directories; a run that is given twice counts once.

    Raises `InputError` for a directory that is neither, for an empty list, and for a damaged file.
    """
    paths = _find_runs(runs)
    if not paths:
        raise InputError("runs: expected a run directory or more, received none: name at least one")
    from lstmzoo.report.summary import read_summary  # here: a wrong path is answered before pydantic is imported

    read = [read_summary(path, label) for path, label in zip(paths, _labels(paths), strict=True)]
    read.sort(key=_best)
    keys = dict.fromkeys(key for run in read for key in run.settings)
    values = {key: [run.settings.get(key, MISSING) for run in read] for key in keys}
    shared = {key: held[0] for key, held in values.items() if all(value == held[0] for value in held)}
    return Comparison(read, [key for key in keys if key not in shared], shared)


def shortest_ends(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the shortest end of each path that no other path has; the whole path if another path ends with it.

    >>> shortest_ends([("a", "x"), ("b", "x"), ("b", "y")])
    [('a', 'x'), ('b', 'x'), ('y',)]
    """
    count = Counter(path[-n:] for path in paths for n in range(1, len(path) + 1))
    return [next((path[-n:] for n in range(1, len(path)) if count[path[-n:]] == 1), path) for path in paths]


def _best(run: "Summary") -> float:
    loss = run.numbers["best_val_loss"]
    return math.inf if loss is None else loss


def _find_runs(given: Iterable[str | os.PathLike[str]]) -> list[Path]:
    runs: dict[str, Path] = {}
    for path in given if isinstance(given, Iterable) else [given]:
        for run in _runs_in(run_path(path_of("runs", path))):
            runs.setdefault(os.path.realpath(run), run)
    return list(runs.values())


def _runs_in(path: Path) -> list[Path]:
    """Return the run directory itself, or the trials of a sweep that have started."""
    if _is_run(path):
        return [path]
    is_directory = os.path.isdir(path)  # noqa: PTH112  (Path's own raises for a name too long)
    trials = [trial for trial in path.glob("trial-*") if TRIAL.fullmatch(trial.name)] if is_directory else []
    runs = sorted(trial for trial in trials if _is_run(trial))
    if not runs:
        reason = "has neither a config.yaml nor a trial that has started" if is_directory else "is no directory"
        raise InputError(
            "expected a run directory (with a config.yaml) or a sweep directory (with trial-0000 and so on), received "
            f"{shown(str(path), 200)}, which {reason}: check the path"
        )
    return runs


def _is_run(path: Path) -> bool:
    return os.path.isfile(path / "config.yaml")  # noqa: PTH113  (Path's own raises for a name too long)


def _labels(paths: Sequence[Path]) -> list[str]:
    """Return a label for each path, on one line, without characters that control a terminal."""
    ends = shortest_ends([Path(os.path.abspath(path)).parts[1:] for path in paths])  # noqa: PTH100  (takes .. away)
    return [printable("/".join(end)).replace("\n", "\\n").replace("\t", "\\t") for end in ends]
