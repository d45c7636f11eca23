"""Plug-ins: models and tasks of other packages, by the entry points `lstmzoo.models` and `lstmzoo.tasks`.

    [project.entry-points."lstmzoo.models"]
    birds_2x64 = "birds.nets:BIRDS"        # a mapping as in the YAML, a ModelSpec, or a function that returns one

    [project.entry-points."lstmzoo.tasks"]
    copy = "birds.copying:Copy"            # a class such as lstmzoo.tasks.task.Task describes

They are imported when a model or task is first looked up. A plug-in that cannot be used is skipped with a warning in
the log; all others still work.
"""

import logging
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lstmzoo.system.terminal import printable


def each_plugin(group: str, enter: Callable[[str, Any], None]) -> None:
    """Import all entry points of a group and call `enter(name, object)` for each.

    An exception of the import or of `enter` becomes a warning in the log.
    """
    for point in _in_order(group):
        try:
            enter(point.name, point.load())
        except (Exception, SystemExit) as error:  # the code of another package may raise anything
            reason = printable(f"{type(error).__name__}: {error}".splitlines()[0][:300])
            where = f"{group}: {point.name!r} of the package {_package(point)} ({point.value})"
            logging.getLogger("lstmzoo").warning("%s cannot be used, %s: repair or uninstall it", where, reason)


def _in_order(group: str) -> Iterator[EntryPoint]:
    """Sort entry points by name, so that the order of two packages does not depend on the file system."""
    yield from sorted(entry_points(group=group), key=lambda point: (point.name, _package(point), point.value))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"
