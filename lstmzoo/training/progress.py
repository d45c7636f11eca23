"""Progress of a run on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, TextIO

from lstmzoo.system.terminal import duration, printable, short_number


class Moment(NamedTuple):
    """Numbers of a run at one moment, for a person who watches."""

    step: int
    steps: int | None
    """Length of the run in steps, if it is known."""
    epoch: int
    fraction: float
    """Share of the run that is done."""
    loss: float
    """Smoothed training loss, nats a symbol."""
    steps_per_second: float
    symbols_per_second: float
    seconds_left: float | None


class Progress(Protocol):
    """Interface that a run reports to."""

    def say(self, text: str) -> None:
        """Show a line that stays."""

    def show(self, moment: Moment) -> None:
        """Show the numbers of a moment; called after each graph call."""

    def close(self) -> None:
        """Clean up when the run has ended."""


class SilentProgress:
    """Progress that shows nothing: the library's default."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def show(self, moment: Moment) -> None:
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

    def close(self) -> None:
        """Do nothing."""


class BarProgress:
    """Progress as a live bar with speed, loss and time left; messages scroll above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self.console = Console(stderr=True, highlight=False, emoji=False)
        columns = [TextColumn("{task.fields[place]}"), BarColumn(None), TextColumn("{task.fields[rest]}")]
        self.progress = Progress(*columns, console=self.console, transient=True, expand=True)
        self.task: Any = None

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        with suppress(OSError, ValueError):  # the terminal may be gone
            self.console.print(printable(text), markup=False, soft_wrap=True)

    def show(self, moment: Moment) -> None:
        """Move the bar."""
        with suppress(OSError, ValueError):
            if self.task is None:
                self.task = self.progress.add_task("", total=1.0, place="", rest="")
                self.progress.start()
            place, rest = _parts(moment)
            self.progress.update(self.task, completed=moment.fraction, place=place, rest=rest)

    def close(self) -> None:
        """Remove the bar."""
        with suppress(OSError, ValueError):
            self.progress.stop()


def for_terminal() -> Progress:
    """Choose a bar for a terminal, plain lines for anything else."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress(sys.stderr)


def _parts(moment: Moment) -> tuple[str, str]:
    """Write the texts before and after the bar: all fits in 80 columns."""
    steps = f"/{moment.steps:,}" if moment.steps else ""
    left = "" if moment.seconds_left is None else f"  {duration(moment.seconds_left)} left"
    speed = f"{short_number(moment.steps_per_second)} steps/s  {short_number(moment.symbols_per_second)} symbols/s"
    return f"step {moment.step:,}{steps}", f"loss {moment.loss:.4f}  {speed}{left}"


def _sentence(moment: Moment) -> str:
    return "  ".join((f"epoch {moment.epoch}", *_parts(moment)))
