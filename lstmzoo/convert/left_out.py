"""The one warning that names what a loader has left out."""

import warnings
from collections.abc import Iterable

from lstmzoo.convert.bounds import listed


def warn_left_out(training: Iterable[str], idle: Iterable[str]) -> None:
    """Give a warning of what acts in training only, and of what changes no logits; for a loader's own caller."""
    reasons = {"it acts in training only": training, "the logits are the same without it": idle}
    named = {why: list(dict.fromkeys(what)) for why, what in reasons.items()}
    if lines := [f"left out, since {why}: {listed(what)}" for why, what in named.items() if what]:
        warnings.warn("; ".join(lines), UserWarning, stacklevel=3)
