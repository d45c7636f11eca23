"""Errors and their exit statuses, and what their messages are made of: the nearest legal name, the value received."""

import difflib
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """The user's input is wrong: exit status 2. The message says expected, received, what to do."""

    exit_status = 2


class Busy(InputError):
    """Another process writes to the directory."""


class ConfigError(InputError):
    """A configuration with problems; `problems` holds one line for each of them."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join(problems))


class EnvironmentFailure(RuntimeError):
    """The surroundings failed (disk full, directory removed, ...): exit status 1."""

    exit_status = 1


class Diverged(ArithmeticError):
    """A loss, weight or state is not finite: exit status 3. The last good checkpoint is intact."""

    exit_status = 3


class Interrupted(KeyboardInterrupt):
    """A signal stopped the run after a checkpoint: exit status 128 + its number."""

    def __init__(self, signum: int, message: str):
        self.exit_status = 128 + signum
        super().__init__(message)


def did_you_mean(name: object, legal: Iterable[str]) -> str:
    """`; did you mean X?`, or else the legal names, or nothing when there are none."""
    names = sorted(legal)
    return nearest(name, names) or (f"; legal: {', '.join(names)}" if names else "")


def nearest(name: object, legal: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing: where a message lists the legal names itself."""
    near = difflib.get_close_matches(str(name)[:200], sorted(legal), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def shown(value: Any, limit: int = 60) -> str:
    """A received value as a message shows it: one line, no control characters, at most `limit` characters."""
    text = repr(value) if not isinstance(value, str) else ascii(value) if not value.isprintable() else f"'{value}'"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def check_count(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raise `InputError` for what is no integer from `least` to `most`."""
    whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if not whole or int(value) < least or (most is not None and int(value) > most):  # type: ignore[call-overload]
        span = f">= {least}" if most is None else f"from {least} to {most:,}"
        raise InputError(f"{name}: expected an integer {span}, received {value!r}")
