"""The results of a search as files, best first; they always show all trials so far."""

import time
from collections.abc import Callable, Sequence

from lstmzoo.sweep.directory import SweepDirectory
from lstmzoo.sweep.results.measured import Measured
from lstmzoo.sweep.results.trials import TrialResult, best_first, plain_cell, short_cell
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.accessories import Accessories, import_matplotlib
from lstmzoo.system.cells import csv_table, markdown_row
from lstmzoo.system.files import write_atomically
from lstmzoo.system.reader import read_file

DRAW_SECONDS, DRAW_SHARE = 10.0, 0.02  # least seconds between two drawings; largest share of the time for drawing


class Leaderboard:
    """The writer of leaderboard.csv and .md, best.yaml, pictures and TensorBoard's HParams."""

    def __init__(self, search: Search, directory: SweepDirectory, say: Callable[[str], None]):
        self.search, self.directory, self.accessories = search, directory, Accessories(say)
        self.due, self.ended = 0.0, -1

    def update(self, trials: Sequence[TrialResult], is_last: bool = False) -> None:
        """Write all files from the trials; pictures only from time to time, and at the end."""
        ordered = best_first(trials, self.search.objective)
        paths = list(dict.fromkeys(path for trial in trials for path in trial.values))
        write_atomically(self.directory.path / "leaderboard.csv", as_csv(ordered, paths, self.search).encode())
        write_atomically(self.directory.path / "leaderboard.md", as_markdown(ordered, paths, self.search).encode())
        ended = sum(trial.status in ("completed", "failed") for trial in trials)
        if ended != self.ended or is_last:
            self._best(ordered)
            self.accessories.attempt("TensorBoard's HParams", lambda: self._hparams(trials))
            self.ended = ended
        if ended and (is_last or time.monotonic() >= self.due):
            start = time.monotonic()
            self.accessories.attempt("pictures", lambda: self._draw(trials))
            took = time.monotonic() - start
            self.due = start + max(DRAW_SECONDS, took / DRAW_SHARE)

    def _best(self, ordered: Sequence[TrialResult]) -> None:
        """Write best.yaml: the config of the best run, with a comment on top."""
        first = ordered[0] if ordered and ordered[0].score() is not None else None
        if first is None:
            return
        path = self.directory.path / first.name / "config.yaml"
        if not path.is_file():  # the run was removed
            return
        name, value = self.search.objective.name, first.objective
        repeats = self.search.spec.search.repeats
        mean = "" if repeats == 1 else f" (the mean over {repeats} seeds; this is the first of them)"
        head = f"# The best of this sweep: {first.name}, {name} {value!r}{mean}.\n"
        write_atomically(self.directory.path / "best.yaml", head.encode() + read_file(path))

    def _hparams(self, trials: Sequence[TrialResult]) -> None:
        from lstmzoo.sweep.results.hparams import write_hparams

        write_hparams(self.directory.tensorboard, trials, self.search.objective)

    def _draw(self, trials: Sequence[TrialResult]) -> None:
        import_matplotlib()
        from lstmzoo.sweep.results.plots import draw_search

        draw_search(self.directory.plots, varying(trials), self.search.objective, self._curve)

    def _curve(self, trial: TrialResult) -> tuple[list[int], list[float]]:
        measured = Measured(self.directory.path / trial.name, self.search.objective).look()
        return measured.steps, measured.values


def varying(trials: Sequence[TrialResult]) -> Sequence[TrialResult]:
    """Return the trials with only those values that are not the same in all."""
    paths = {path for trial in trials for path in trial.values}
    varied = {path for path in paths if any(trial.values.get(path) != trials[0].values.get(path) for trial in trials)}
    return [
        trial._replace(values={path: value for path, value in trial.values.items() if path in varied})
        for trial in trials
    ]


def as_csv(ordered: Sequence[TrialResult], paths: Sequence[str], search: Search) -> str:
    """Return one row a trial: trial, status, reason, a column a path, the objective by its name; with all digits."""
    rows = [["trial", "status", "reason", *paths, search.objective.name]]
    for trial in ordered:
        values = [plain_cell(trial.values[path]) if path in trial.values else "" for path in paths]
        score = "" if trial.objective is None else repr(trial.objective)
        rows.append([trial.name, trial.status.upper(), trial.reason, *values, score])
    return csv_table(rows)


def as_markdown(ordered: Sequence[TrialResult], paths: Sequence[str], search: Search) -> str:
    """Return the same for a reader: a table with rounded numbers."""
    head = ["", "trial", "status", *paths, search.objective.name]
    lines = [f"# {search.spec.name}", "", f"{len(ordered)} of {search.trials} trials; {_aim(search)}.", ""]
    lines += [markdown_row(head), markdown_row(["---"] * len(head))]
    for place, trial in enumerate(ordered, 1):
        status = trial.status.upper() + (f": {trial.reason}" if trial.reason else "")
        values = [short_cell(trial.values.get(path, "")) for path in paths]
        number = str(place) if trial.score() is not None else ""
        lines.append(markdown_row([number, trial.name, status, *values, short_cell(trial.objective)]))
    return "\n".join(lines) + "\n"


def _aim(search: Search) -> str:
    kind, least = search.spec.search.kind, "least" if search.objective.direction == "min" else "greatest"
    return f"{kind} search for the {least} {search.objective.name}, the best over each run"
