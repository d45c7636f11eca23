"""The progress of a search: a live table on a terminal or in a notebook, plain lines elsewhere."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from lstmzoo.sweep.results.measured import Measured
from lstmzoo.sweep.results.trials import TrialResult, best_first, short_cell
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.notebook import Gallery, Part, in_notebook
from lstmzoo.system.terminal import one_line, printable

REFRESH = 0.5  # seconds


class Watch(Protocol):
    """A receiver of a search's progress."""

    def say(self, text: str) -> None:
        """Print a line that stays."""

    def show(self, trials: list[TrialResult]) -> None:
        """Show the trials; called several times a second."""

    def close(self) -> None:
        """End the display: the search is over."""


class SilentWatch:
    """A watch that prints nothing: the default of `run_sweep`."""

    def say(self, text: str) -> None:
        """Print nothing."""

    def show(self, trials: list[TrialResult]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class PlainWatch:
    """A watch for files and pipes: one line when a trial starts or ends."""

    def __init__(self, search: Search):
        self.search = search
        self.known: dict[str, TrialResult] = {}

    def say(self, text: str) -> None:
        """Print a line; an error is ignored, since the reader may be gone."""
        with suppress(OSError, ValueError):
            print(printable(text), file=sys.stderr, flush=True)

    def show(self, trials: list[TrialResult]) -> None:
        """Print a line for each trial that has changed."""
        for trial in trials:
            before = self.known.get(trial.name)
            if before is None or before[1:] != trial[1:]:
                self.known[trial.name] = trial
                if before is not None or trial.status != "waiting":
                    self.say(f"{_sentence(trial, self.search)}  ({_summary(trials, self.search)})")

    def close(self) -> None:
        """Do nothing."""


class Table:
    """A watch for terminals: a table of the running trials and the best so far; lines scroll above it."""

    def __init__(self, search: Search, directory: Path):
        from rich.console import Console
        from rich.live import Live

        self.search, self.directory = search, directory
        self.console = Console(stderr=True, highlight=False, emoji=False)
        self.live = Live(console=self.console, auto_refresh=False, transient=True, vertical_overflow="crop")
        self.measured: dict[str, Measured] = {}
        self.failed: set[str] = set()
        self.last = -REFRESH

    def say(self, text: str) -> None:
        """Print a line above the table."""
        with suppress(OSError, ValueError):  # the terminal may be gone
            self.console.print(printable(text), markup=False, soft_wrap=True)

    def show(self, trials: list[TrialResult]) -> None:
        """Draw the table, every REFRESH seconds."""
        if time.monotonic() - self.last < REFRESH or not trials:
            return
        self.last = time.monotonic()
        for trial in trials:
            if trial.status == "failed" and trial.name not in self.failed:
                self.failed.add(trial.name)
                self.say(_sentence(trial, self.search))
        with suppress(OSError, ValueError):
            self._put(self._drawn(trials))

    def _put(self, drawn: Any) -> None:
        if not self.live.is_started:
            self.live.start()
        self.live.update(drawn, refresh=True)

    def close(self) -> None:
        """Remove the table."""
        with suppress(OSError, ValueError):
            self.live.stop()

    def _drawn(self, trials: list[TrialResult]) -> Any:
        from rich.table import Table as Drawn
        from rich.text import Text  # in a plain text rich looks for its own marks, such as [red]

        name, paths = self.search.objective.name, [each.path for each in self.search.dimensions]
        drawn = Drawn(title=_summary(trials, self.search), title_justify="left", title_style="bold", box=None)
        for title in ("trial", *(path.rpartition(".")[2] for path in paths), "step", f"best {name}", "state"):
            drawn.add_column(title, no_wrap=True)
        for trial in self._shown(trials):
            step, best = self._so_far(trial)
            values = [short_cell(trial.values.get(path, "")) for path in paths]
            cells = (trial.name, *values, f"{step:,}" if step else "", short_cell(best), trial.status)
            drawn.add_row(*(Text(one_line(cell)) for cell in cells))
        return drawn

    def _shown(self, trials: Sequence[TrialResult]) -> list[TrialResult]:
        """Return the running trials, and then the best ones, as many as the terminal has lines for."""
        room = max(4, self.console.size.height - 4)
        running = [trial for trial in trials if trial.status == "running"][: room // 2]
        best = [trial for trial in best_first(trials, self.search.objective) if trial.status == "completed"]
        return [*running, *best[: min(10, room - len(running))]]

    def _so_far(self, trial: TrialResult) -> tuple[int, float | None]:
        if trial.status != "running":
            self.measured.pop(trial.name, None)
            return 0, trial.objective
        fresh = Measured(self.directory / trial.name, self.search.objective)
        measured = self.measured.setdefault(trial.name, fresh).look()
        return measured.step, measured.best


class NotebookTable(Table):
    """A watch for a notebook's cell: the same table, replaced in its place, and at the end the pictures."""

    def __init__(self, search: Search, directory: Path):
        super().__init__(search, directory)
        self.part, self.trials = Part(), list[TrialResult]()

    def say(self, text: str) -> None:
        """Print a line."""
        print(printable(text), flush=True)

    def show(self, trials: list[TrialResult]) -> None:
        """Draw the table, every REFRESH seconds."""
        self.trials = trials
        super().show(trials)

    def close(self) -> None:
        """Draw the table of the end, and show the pictures; both stay."""
        if self.trials:
            self._put(self._drawn(self.trials))
        Gallery().show(self.directory / "plots")

    def _put(self, drawn: Any) -> None:
        self.part.show(drawn)


def for_output(search: Search, directory: Path) -> Watch:
    """Return a table for a notebook or a terminal, else plain lines."""
    if in_notebook():
        return NotebookTable(search, directory)
    return Table(search, directory) if sys.stderr.isatty() else PlainWatch(search)


def _sentence(trial: TrialResult, search: Search) -> str:
    values = ", ".join(f"{path.rpartition('.')[2]} {short_cell(value)}" for path, value in trial.values.items())
    end = f"{search.objective.name} {short_cell(trial.objective)}" if trial.status == "completed" else trial.reason
    return one_line(f"{trial.name} {trial.status}: {values}" + (f"; {end}" if end else ""))


def _summary(trials: Sequence[TrialResult], search: Search) -> str:
    ended = sum(trial.status in ("completed", "failed") for trial in trials)
    failed = sum(trial.status == "failed" for trial in trials)
    first = next(iter(best_first(trials, search.objective)), None)
    known = first is not None and first.score() is not None
    best = f", best {short_cell(first.objective)} ({first.name})" if first is not None and known else ""
    return f"{ended} of {search.trials} trials" + (f", {failed} failed" if failed else "") + best
