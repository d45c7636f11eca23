"""Errors and their exit statuses, and the parts of their messages: the nearest legal name, the received value."""

import difflib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MOST = 4000  # characters of one problem's message


class InputError(ValueError):
    """An error in the user's input: exit status 2. The message says what was expected and received, and what to do."""

    exit_status = 2

    def __init__(self, message: str):
        super().__init__(bounded(message))


class Busy(InputError):
    """An error for a directory that another process writes to."""


class ConfigError(InputError):
    """A configuration with problems; `problems` holds one line for each of them."""

    def __init__(self, problems: list[str]):
        self.problems = [bounded(problem) for problem in problems]
        ValueError.__init__(self, "\n".join(self.problems))


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is short; TensorFlow, threads and libraries have words of their own."""
    words = ("can't start new thread", "failed to map segment", "Cannot allocate memory")
    said = isinstance(error, RuntimeError | ImportError) and any(word in str(error) for word in words)
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError" or said


class EnvironmentFailure(RuntimeError):
    """A failure of the system (disk full, directory removed, ...): exit status 1."""

    exit_status = 1


class Diverged(ArithmeticError):
    """A loss, weight or state that is not finite: exit status 3. The last good checkpoint is intact."""

    exit_status = 3


class Interrupted(KeyboardInterrupt):
    """The end of a run that a signal stopped after a checkpoint: exit status 128 + the signal's number."""

    def __init__(self, signum: int, message: str):
        self.exit_status = 128 + signum
        super().__init__(message)


def bounded(message: str) -> str:
    """Return a message without its middle if it is longer than MOST characters: it may quote what it received."""
    return message if len(message) <= MOST else f"{message[: MOST - 1000]} ... {message[-900:]}"


def did_you_mean(name: object, legal: Iterable[str]) -> str:
    """Return `; did you mean X?`, or the list of legal names where none is near; "" when there are none.

    `did_you_mean("chr", ["char", "echo"])` is `"; did you mean char?"`.
    """
    names = sorted(legal)
    return nearest(name, names) or (f"; legal: {', '.join(names)}" if names else "")


def nearest(name: object, legal: Iterable[str]) -> str:
    """Return `; did you mean X?`, or "" where no name is near; for messages that list the legal names themselves."""
    near = difflib.get_close_matches(str(name)[:200], sorted(legal), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def shown(value: Any, limit: int = 60) -> str:
    """Return a value as messages show it: one line, no control characters, at most `limit` characters."""
    text = repr(value) if not isinstance(value, str) else ascii(value) if not value.isprintable() else f"'{value}'"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def written(value: Any, limit: int = 60) -> str:
    """Return a value as messages show it, in the words of YAML and JSON: null, true, {"a": [1, null]}."""
    if value is not None and not isinstance(value, (bool, list, tuple, dict)):
        return shown(value, limit)
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def path_of(name: str, value: Any) -> Path:
    """Return a path; raise `InputError` for a value that is none."""
    if not isinstance(value, (str, os.PathLike)):
        raise InputError(f"{name}: expected a path, received {shown(value)}")
    return Path(value)


def check_count(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raise `InputError` for a value that is not an integer from `least` to `most`."""
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if not whole or int(value) < least or (most is not None and int(value) > most):  # type: ignore[call-overload]
        span = f">= {least}" if most is None else f"from {least} to {most:,}"
        raise InputError(f"{name}: expected an integer {span}, received {shown(value)}")
