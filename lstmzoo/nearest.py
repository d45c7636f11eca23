"""The nearest legal name, for messages about a wrong one."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, legal: Iterable[str]) -> str:
    """`; did you mean X?`, or else the legal names, or nothing when there are none."""
    names = sorted(legal)
    return nearest(name, names) or (f"; legal: {', '.join(names)}" if names else "")


def nearest(name: object, legal: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing: where a message lists the legal names itself."""
    near = difflib.get_close_matches(str(name)[:200], sorted(legal), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
