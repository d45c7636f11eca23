"""What the command line does before TensorFlow computes: import it quietly, set its threads, map errors to statuses.

As a library lstmzoo leaves TensorFlow's threads and messages alone; only commands come here.
"""

import io
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

from lstmzoo.errors import Diverged, EnvironmentFailure, InputError, Interrupted
from lstmzoo.system.missing import DISTRIBUTIONS
from lstmzoo.system.signals import SIGNALS, StopSignals, last_words
from lstmzoo.system.terminal import printable


def start_tensorflow(threads: int) -> None:
    """Import TensorFlow and give it this many threads, within an op and between ops, before its context exists."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with hidden_stderr():
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.zeros(1)  # makes the context, which has messages of its own


def command_line(command: Callable[..., None], prog_name: str, quiet: bool = False) -> None:
    """Parse the command line for a function with typer annotations, run it, and exit with its status.

    `quiet`: a signal ends it without a message.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look through all that is installed
    import typer

    @wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        run_and_leave(lambda: command(*arguments, **options), quiet)

    lend_streams()
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(guarded)
    try:
        app(prog_name=prog_name)
    except BrokenPipeError:  # of --help, which typer prints itself
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def run_and_leave(command: Callable[[], None], quiet: bool = False) -> NoReturn:
    """Run a command, and exit with its status."""
    status = exit_status(command, quiet)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # it is over: one more must not change the status
    raise SystemExit(status)


def exit_status(command: Callable[[], None], quiet: bool = False) -> int:
    """Run a command and return its exit status; each kind of error is one clear message on stderr."""
    try:
        with StopSignals(may_leave=True, quiet=quiet):
            command()
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the flush at exit fails again
        return 0
    except (InputError, Diverged, EnvironmentFailure, Interrupted) as error:
        if not (quiet and isinstance(error, Interrupted)):
            print(printable(str(error)), file=sys.stderr)
        return error.exit_status
    except ModuleNotFoundError as error:  # a machine that only samples and scores does without most of them
        if error.name not in DISTRIBUTIONS:
            raise
        wanted = f"expected {error.name} to be installed for this, received none ({error})"
        print(f"{wanted}: python -m pip install {DISTRIBUTIONS[error.name]}", file=sys.stderr)
        return InputError.exit_status
    except OSError as error:
        print(printable(f"the surroundings failed: {error}"), file=sys.stderr)
        return 1
    return 0


def lend_streams() -> None:
    """A shell's `>&-` leaves neither the stream nor its number: what is written there goes nowhere.

    What a stream's encoding lacks is escaped: a message is not lost to a name with an accent.
    """
    for stream, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, stream) is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, stream, open(number, "w", closefd=False))  # noqa: SIM115
        if isinstance(getattr(sys, stream), io.TextIOWrapper):  # a notebook has others
            getattr(sys, stream).reconfigure(errors="backslashreplace")


@contextmanager
def hidden_stderr() -> Iterator[None]:
    """Hold back what libraries write to stderr; shown after all if they fail in a way that we do not know."""
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
