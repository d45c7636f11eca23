"""What other packages add to lstmzoo by entry points: models (`lstmzoo.models`) and tasks (`lstmzoo.tasks`).

    [project.entry-points."lstmzoo.models"]
    birds_2x64 = "birds.nets:BIRDS"        # a mapping as in the YAML, a ModelSpec, or a function that gives one

    [project.entry-points."lstmzoo.tasks"]
    copy = "birds.copying:Copy"            # a class such as lstmzoo.tasks.task.Task describes

They are imported where they are first looked for. What cannot be used is passed over with a warning in the log, and
harms nothing else.
"""

import logging
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lstmzoo.system.terminal import printable


def each_plugin(group: str, enter: Callable[[str, Any], None]) -> None:
    """Import what stands in a group, and `enter` it by name; an exception of either is a warning in the log."""
    for point in _in_order(group):
        try:
            enter(point.name, point.load())
        except (Exception, SystemExit) as error:  # of somebody else's code
            reason = printable(f"{type(error).__name__}: {error}".splitlines()[0][:300])
            where = f"{group}: {point.name!r} of the package {_package(point)} ({point.value})"
            logging.getLogger("lstmzoo").warning("%s cannot be used, %s: mend or uninstall it", where, reason)


def _in_order(group: str) -> Iterator[EntryPoint]:
    """By name, so that which of two packages comes first is not left to the file system."""
    yield from sorted(entry_points(group=group), key=lambda point: (point.name, _package(point), point.value))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"
