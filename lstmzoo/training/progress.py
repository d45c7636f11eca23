"""Progress of a run: a bar on a terminal, plain lines elsewhere (both on stderr); in a notebook a bar and pictures."""

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO

from lstmzoo.system.notebook import Gallery, Part, in_notebook
from lstmzoo.system.terminal import duration, printable, short_number

SMALL = 1e-3  # losses below are shown as 1.23e-04


class Moment(NamedTuple):
    """Numbers of a run at one moment, for a person who watches."""

    step: int
    steps: int | None
    """Length of the run in steps, if it is known."""
    epoch: int
    fraction: float
    """Share of the run that is done."""
    loss: float
    """Smoothed training loss."""
    steps_per_second: float
    symbols_per_second: float
    seconds_left: float | None
    counted: str = "symbols"
    """The word for what a task counts."""


class Progress(Protocol):
    """Interface that a run reports to."""

    def say(self, text: str) -> None:
        """Show a line that stays."""

    def show(self, moment: Moment) -> None:
        """Show the numbers of a moment; called after each graph call."""

    def pictures(self, folder: Path) -> None:
        """Show the pictures of a folder, where that is possible; called when some have been drawn."""

    def close(self) -> None:
        """Clean up when the run has ended."""


class SilentProgress:
    """Progress that shows nothing: the library's default."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def show(self, moment: Moment) -> None:
        """Show nothing."""

    def pictures(self, folder: Path) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class PlainProgress:
    """Progress as plain lines for files and pipes: messages, and the numbers of the moment every `seconds`."""

    def __init__(self, stream: TextIO, seconds: float = 10):
        self.stream, self.seconds, self.last = stream, seconds, time.monotonic()

    def say(self, text: str) -> None:
        """Print a line, while the stream can be written."""
        with suppress(OSError, ValueError):
            print(printable(text), file=self.stream, flush=True)

    def show(self, moment: Moment) -> None:
        """Print a line every `seconds`."""
        if time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            self.say(_sentence(moment))

    def pictures(self, folder: Path) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class BarProgress:
    """Progress as a live bar with speed, loss and time left; messages scroll above it."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True, highlight=False, emoji=False)
        self.progress = _bar(self.console)
        self.task = self.progress.add_task("", total=1.0, place="", rest="")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        with suppress(OSError, ValueError):  # the terminal may be gone
            self.console.print(printable(text), markup=False, soft_wrap=True)

    def show(self, moment: Moment) -> None:
        """Move the bar."""
        with suppress(OSError, ValueError):
            self.progress.start()  # at the first moment
            _move(self.progress, self.task, moment)

    def pictures(self, folder: Path) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Remove the bar."""
        with suppress(OSError, ValueError):
            self.progress.stop()


class NotebookProgress:
    """Progress in a notebook's cell: the same bar, replaced in its place; lines and pictures below it."""

    def __init__(self, seconds: float = 0.25):
        from rich.console import Console

        self.progress = _bar(Console(highlight=False, emoji=False))
        self.task = self.progress.add_task("", total=1.0, place="", rest="")
        self.part, self.gallery = Part(), Gallery()
        self.seconds, self.last, self.folder = seconds, -seconds, Path()

    def say(self, text: str) -> None:
        """Print a line."""
        print(printable(text), flush=True)

    def show(self, moment: Moment) -> None:
        """Move the bar, every `seconds`."""
        _move(self.progress, self.task, moment)
        if time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            self.part.show(self.progress)

    def pictures(self, folder: Path) -> None:
        """Show the pictures, each in its place."""
        self.folder = folder
        self.gallery.show(folder)

    def close(self) -> None:
        """Show the last numbers and pictures, which stay."""
        if self.last > 0:
            self.part.show(self.progress)
        if self.folder != Path():
            self.gallery.show(self.folder)


def for_output() -> Progress:
    """Choose a bar for a terminal or a notebook, plain lines for anything else."""
    if in_notebook():
        return NotebookProgress()
    return BarProgress() if sys.stderr.isatty() else PlainProgress(sys.stderr)


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = [TextColumn("{task.fields[place]}"), BarColumn(None), TextColumn("{task.fields[rest]}")]
    return Progress(*columns, console=console, transient=True, expand=True)


def _move(bar: Any, task: Any, moment: Moment) -> None:
    place, rest = _parts(moment)
    bar.update(task, completed=moment.fraction, place=place, rest=rest)


def _parts(moment: Moment) -> tuple[str, str]:
    """Write the texts before and after the bar: all fits in 80 columns."""
    steps = f"/{moment.steps:,}" if moment.steps else ""
    left = "" if moment.seconds_left is None else f"  {duration(moment.seconds_left)} left"
    speed = (
        f"{short_number(moment.steps_per_second)} steps/s  {short_number(moment.symbols_per_second)} {moment.counted}/s"
    )
    loss = f"{moment.loss:.4f}" if moment.loss >= SMALL else f"{moment.loss:.2e}"
    return f"step {moment.step:,}{steps}", f"loss {loss}  {speed}{left}"


def _sentence(moment: Moment) -> str:
    return "  ".join((f"epoch {moment.epoch}", *_parts(moment)))
