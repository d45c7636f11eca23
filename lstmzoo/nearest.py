"""The nearest legal name, for messages about a wrong one."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, legal: Iterable[str]) -> str:
    """`; did you mean X?`, or else the legal names, or nothing when there are none."""
    names = sorted(legal)
    near = difflib.get_close_matches(str(name)[:200], names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; legal: {', '.join(names)}" if names else ""
