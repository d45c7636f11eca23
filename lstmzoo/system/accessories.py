"""Accessories of the work, such as pictures: what fails of them is left out with one warning, and the work goes on."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from lstmzoo.system.terminal import printable

OURS = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}


class Accessories:
    """The accessories of one piece of work, and of which of them it has warned."""

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self._warned: set[str] = set()

    def attempt(self, what: str, work: Callable[[], None]) -> bool:
        """Do some work and tell whether it was done; an exception leaves it out, with one warning line for each `what`.

        `what`: a plural, such as "pictures". Warnings of libraries are not shown.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                work()
        except Exception as error:
            if what not in self._warned:
                self._warned.add(what)
                reason = " ".join(f"{type(error).__name__}: {error}"[:300].split())
                self.say(printable(f"warning: {what} are left out ({reason})"))
            return False
        return True


def import_matplotlib() -> None:
    """Import matplotlib; where the user's settings or MPLBACKEND make that fail, without them.

    What is drawn never depends on them (`report/figures.py`), and what matplotlib says of them is not shown. TensorFlow
    imports matplotlib too, by way of Keras 3, and would fail as well: so `before_tensorflow` comes first.
    """
    if "matplotlib.figure" in sys.modules:
        return
    import logging  # here: a command that draws nothing starts without it

    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        import matplotlib
    except Exception:
        for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[name]  # those parts that could be imported would not fit the others
        with _no_settings():
            import matplotlib
    try:
        import matplotlib.figure  # noqa: F401
    finally:
        log.setLevel(level)


def before_tensorflow() -> None:
    """Import matplotlib before TensorFlow does so; do nothing where that is too late, or matplotlib is missing."""
    if "tensorflow" not in sys.modules:
        with suppress(Exception):  # what draws will say it
            import_matplotlib()


@contextmanager
def _no_settings() -> Iterator[None]:
    """Hide the settings that matplotlib finds in variables, and in the working directory."""
    before, here = {name: os.environ.get(name) for name in OURS}, os.open(os.curdir, os.O_RDONLY)
    os.environ.update(OURS)
    os.chdir(os.sep)
    try:
        yield
    finally:
        os.fchdir(here)
        os.close(here)
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({} if value is None else {name: value})
