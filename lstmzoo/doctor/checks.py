"""What a doctor says: lines of facts and checks, as aligned text. None of it may end in a traceback."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lstmzoo.errors import EnvironmentFailure, InputError

NAME, MARK = 15, 7  # widths of columns
ANEW = "install lstmzoo anew, in a virtual environment of its own"


class Check(NamedTuple):
    """A fact, or a check with its verdict."""

    name: str
    text: str
    ok: bool | None = None
    """None: a fact, which is neither right nor wrong."""
    advice: str = ""
    """What to do."""

    @property
    def mark(self) -> str:
        """One word before the text."""
        return {True: "ok", False: "FAILED", None: "note" if self.advice else ""}[self.ok]

    def row(self) -> str:
        """Name, verdict and text in columns, and below them what to do."""
        row = f"  {self.name:<{NAME}}{self.mark:<{MARK}}{self.text}"
        return row + (f"\n  {'':<{NAME + MARK}}-> {self.advice}" if self.advice else "")


def verdict(name: str, text: str, ok: bool, advice: str) -> Check:
    """A check; the advice is for where it failed."""
    return Check(name, text, ok, "" if ok else advice)


def guarded(name: str, look: Callable[[], Iterator[Check]], advice: str) -> Iterator[Check]:
    """The lines of a look at something that may be broken in any way; an error is the last of them."""
    try:
        yield from look()
    except Exception as error:
        says = isinstance(error, (InputError, EnvironmentFailure))  # these say themselves what to do
        yield Check(name, failure(error), False, "" if says else advice)


def failure(error: BaseException, length: int = 240) -> str:
    """An error in one line."""
    words = " ".join(str(error).split())
    text = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return text if len(text) <= length else text[: length - 3] + "..."
