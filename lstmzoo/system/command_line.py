"""Start and end of a command: import TensorFlow quietly, set its threads, turn errors into exit statuses.

As a library lstmzoo does not change TensorFlow's threads, memory and messages; only commands use this module.
"""

import io
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from lstmzoo.errors import Diverged, EnvironmentFailure, InputError, Interrupted, bounded, out_of_memory
from lstmzoo.system.accessories import before_tensorflow
from lstmzoo.system.missing import DISTRIBUTIONS
from lstmzoo.system.signals import SIGNALS, StopSignals, last_words
from lstmzoo.system.terminal import printable

Started = TypeVar("Started")


def start_tensorflow(threads: int, connect: Callable[[], Started] | None = None) -> Started:
    """Import TensorFlow and set its number of threads, within an op and between ops, before its context exists.

    `connect`: what else must come before, such as a cluster; its result is returned.
    """
    with hidden_stderr():
        import_tensorflow()
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        started: Any = connect() if connect is not None else None
        tf.zeros(1)  # creates the context, which prints messages too
    return started


def import_tensorflow() -> None:
    """Import TensorFlow with few messages, and so that it takes the memory of a GPU as it needs it, not most at once.

    Variables that the user has set stay as they are.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    before_tensorflow()
    import tensorflow  # noqa: F401


def command_line(command: Callable[..., None], prog_name: str, quiet: bool = False) -> None:
    """Parse the command line for a function with typer annotations, run it, and exit with its status.

    `quiet`: a signal ends the command without a message.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # the look for plug-ins reads every installed package
    import typer

    @wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        run_and_leave(lambda: command(*arguments, **options), quiet)

    lend_streams()
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(guarded)
    try:
        app(prog_name=prog_name, standalone_mode=False)
        sys.stdout.flush()
    except _wrong_usage() as error:
        error.message = bounded(error.message)
        try:
            error.show()
        except OSError:
            _give_up(2)
        raise SystemExit(error.exit_code) from None
    except typer.Abort:
        raise SystemExit(128 + signal.SIGINT) from None
    except SystemExit as done:
        if not isinstance(done.__context__, BrokenPipeError):
            raise
        _give_up(1)  # typer prints --help itself, and leaves with 1 where its reader is gone
    except BrokenPipeError:
        _give_up(1)
    except OSError as error:  # a full disk
        _give_up(1)
        _say(f"the system failed: {error}")
        raise SystemExit(1) from None


def _wrong_usage() -> Any:
    """Return the class of all that typer says of a wrong command line, which it does not export."""
    import typer

    return typer.BadParameter.__mro__[2]


def run_and_leave(command: Callable[[], None], quiet: bool = False) -> NoReturn:
    """Run a command, and exit with its status."""
    status = exit_status(command, quiet)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the command is over: a signal must not change its status now
    raise SystemExit(status)


def exit_status(command: Callable[[], None], quiet: bool = False) -> int:
    """Run a command and return its exit status; print each error as one clear message on stderr."""
    try:
        with StopSignals(may_leave=True, quiet=quiet):
            command()
            sys.stdout.flush()
    except BrokenPipeError:
        _give_up(1)  # or the flush at exit fails again
        return 0
    except (InputError, Diverged, EnvironmentFailure, Interrupted) as error:
        if not (quiet and isinstance(error, Interrupted)):
            _say(f"{error}{_no_folder() if isinstance(error, InputError | EnvironmentFailure) else ''}")
        return error.exit_status
    except ModuleNotFoundError as error:  # most of them are not needed to sample and score
        if error.name not in DISTRIBUTIONS:
            raise
        wanted = f"expected {error.name} to be installed for this, received none ({error})"
        _say(f"{wanted}: python -m pip install {DISTRIBUTIONS[error.name]}")
        return InputError.exit_status
    except OSError as error:
        _give_up(1)
        _say(f"the system failed: {error}{_no_folder()}")
        return 1
    except Exception as error:
        if not out_of_memory(error):
            raise
        _say("the system failed: out of memory: close other programs, or ask for less at once")
        return 1
    return 0


def _say(text: str) -> None:
    """Print a message; a stderr that takes none changes no status."""
    try:
        print(printable(text), file=sys.stderr, flush=True)
    except OSError:
        _give_up(2)


def _give_up(number: int) -> None:
    """Open the null device in place of a stream that cannot be written: Python flushes it once more at exit."""
    stream = {1: sys.stdout, 2: sys.stderr}[number]
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _no_folder() -> str:
    """Return a hint for a message where the working directory is gone, which relative paths start from."""
    try:
        Path.cwd()
    except OSError:
        return "; the working directory no longer exists: change to another one (cd)"
    return ""


def lend_streams() -> None:
    """Open the null device in place of stdout or stderr where the shell has closed it (`>&-`).

    Characters that a stream's encoding lacks are escaped, so that a name with an accent does not prevent a message.
    """
    for stream, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, stream) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, stream, open(number, "w", closefd=False))  # noqa: SIM115
        if isinstance(getattr(sys, stream), io.TextIOWrapper):  # in a notebook they are of another class
            getattr(sys, stream).reconfigure(errors="backslashreplace")


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hold back what libraries write to stderr; show it if they fail with an error that is not one of ours."""
    sys.stderr.flush()
    kept = os.dup(2)
    last_words.append(kept)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except (InputError, Diverged, EnvironmentFailure):
            raise
        except Exception:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            last_words.remove(kept)
            os.close(kept)
