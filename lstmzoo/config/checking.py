"""The check of a configuration's data: one report of all that is wrong with it."""

import copy
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lstmzoo.config.sources import Problem, Sources
from lstmzoo.schema.problems import explain
from lstmzoo.schema.yaml_reader import KeyPath

Whole = TypeVar("Whole", bound=BaseModel)
MAX_PROBLEMS = 50  # shown at once
STAND_INS: dict[KeyPath, Any] = {  # for a required section that is wrong
    ("model",): {},
    ("train",): {"steps": 1},
    ("search",): {"kind": "grid"},
}


def check(
    data: dict[str, Any], wrong: set[KeyPath], context: dict[str, Any], section: type[Whole]
) -> tuple[Whole | None, list[Problem]]:
    """Check data against a section: the section, or all problems; `wrong`: paths already reported, with what follows.

    `context`: `folders`, where relative paths start, and whether `files_may_lack`.
    """
    whole, problems = sound_part(data, wrong, context, section)
    return (None if problems else whole), problems


def sound_part(
    data: dict[str, Any], wrong: set[KeyPath], context: dict[str, Any], section: type[Whole]
) -> tuple[Whole | None, list[Problem]]:
    """Return the section without what is wrong, None where that is no section, and all problems, as `check` does.

    Checks across keys only run on a section whose keys are right, so what is wrong is taken away and the rest checked
    again, until nothing new appears.
    """
    data, wrong = copy.deepcopy(data), set(wrong)
    problems: list[Problem] = []
    while True:
        try:
            whole = section.model_validate(data, context=context)
            return whole, problems
        except ValidationError as error:
            found = explain(error, data, section)
        new = [Problem(path, reason.text) for path, reason in found.items() if not _follows(path, wrong)]
        problems += new
        wrong |= {path for path, reason in found.items() if not reason.unknown}
        removed = [_remove(data, path) for path in found]
        if not any(removed):
            return None, problems


def _follows(path: KeyPath, wrong: set[KeyPath]) -> bool:
    return any(other[: len(path)] == path for other in wrong)


def _remove(data: Any, path: KeyPath) -> bool:
    for key in path[:-1]:
        data = data.get(key) if isinstance(data, dict) else None
    if not path or not isinstance(data, dict) or path[-1] not in data:
        return False
    if path in STAND_INS and data[path[-1]] != STAND_INS[path]:
        data[path[-1]] = STAND_INS[path]
    else:
        del data[path[-1]]
    return True


def report_lines(sources: Sources, problems: list[Problem]) -> list[str]:
    """Write the problems as lines in the order of the file; those of --set come first."""
    lines = [text for _, text in sorted((sources.line_of(problem) for problem in problems), key=lambda line: line[0])]
    more = len(lines) - MAX_PROBLEMS
    return [*lines[:MAX_PROBLEMS], *([f"... and {more} more problems"] if more > 0 else [])]
