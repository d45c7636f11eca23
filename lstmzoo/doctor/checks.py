"""The lines of the doctor's report: facts and checks, as aligned text. No error may end in a traceback."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lstmzoo.errors import EnvironmentFailure, InputError

NAME, MARK = 15, 7  # widths of columns
NEW_INSTALL = "install lstmzoo again, in a new virtual environment"


class Check(NamedTuple):
    """A fact, or a check with its result."""

    name: str
    text: str
    ok: bool | None = None
    """True if the check passed; None for a fact, which can neither pass nor fail."""
    advice: str = ""
    """Advice on what to do."""

    @property
    def mark(self) -> str:
        """The word before the text: ok, FAILED, note or nothing."""
        return {True: "ok", False: "FAILED", None: "note" if self.advice else ""}[self.ok]

    def row(self) -> str:
        """Return name, mark and text in columns, and the advice on a line of its own."""
        row = f"  {self.name:<{NAME}}{self.mark:<{MARK}}{self.text}"
        return row + (f"\n  {'':<{NAME + MARK}}-> {self.advice}" if self.advice else "")


def verdict(name: str, text: str, ok: bool, advice: str) -> Check:
    """Return a check; the advice is kept only if it failed."""
    return Check(name, text, ok, "" if ok else advice)


def guarded(name: str, look: Callable[[], Iterator[Check]], advice: str) -> Iterator[Check]:
    """Yield the lines of a look at something that may be broken in any way; an error becomes the last line."""
    try:
        yield from look()
    except Exception as error:
        says = isinstance(error, (InputError, EnvironmentFailure))  # their own message says what to do
        yield Check(name, failure(error), False, "" if says else advice)


def failure(error: BaseException, length: int = 240) -> str:
    """Return an error's type and message in one line of at most `length` characters."""
    words = " ".join(str(error).split())
    text = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return text if len(text) <= length else text[: length - 3] + "..."
