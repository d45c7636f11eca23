"""Readings of a sweep's file that its author hardly meant: a list as one value, one choice twice, and so on."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstmzoo.config.differences import as_text, settings_of
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.sources import Problem
from lstmzoo.errors import shown, written
from lstmzoo.sweep.space.objective import usual_direction
from lstmzoo.sweep.space.search import Search
from lstmzoo.sweep.space.sections import SearchSpec

Lists = Mapping[str, list[Any]]  # plain lists by path, whose values would be legal one by one


def meaning(value: Any, experiment: Experiment | None) -> str:
    """Return a text that two values have in common if they make the same experiment of the base.

    `experiment`: what the value makes of the base alone; None where it makes one only beside other values.
    """
    if experiment is None:
        return shown(value, 10**6)
    return as_text(settings_of(experiment)) + experiment.task.model_dump_json()


def twice(path: str, choices: Sequence[Any], meanings: Sequence[str]) -> list[Problem]:
    """Return a problem for each choice that means the same as one before it."""
    first: dict[str, Any] = {}
    problems = []
    for value, text in zip(choices, meanings, strict=True):
        if text in first:
            before, now = written(first[text]), written(value)
            received = f"{now} twice" if before == now else f"{before} and {now}, which mean the same"
            message = f"expected each choice once, received {received}: keep one of them"
            problems.append(Problem(("space", path, "choices"), message))
        first.setdefault(text, value)
    return problems


def lists_in_the_way(spec: SearchSpec, trials: int, lists: Lists) -> list[Problem]:
    """Return a problem for each plain list of a search with fewer trials than are wanted, or with a single one."""
    if trials >= (spec.trials or 2):
        return []
    text = f"expected values for {spec.trials or 'several'} trials, received a list, which is one fixed value"
    return [Problem(("space", path), f"{text}: {advice(each)}") for path, each in lists.items()]


def advice(values: list[Any]) -> str:
    """Return what to write in place of a plain list."""
    text = written(values)
    return f"write {{choices: {text}}} to choose among its values, or {{choices: [{text}]}} to keep it whole"


def notes(search: Search, lists: Lists) -> tuple[str, ...]:
    """Return a sentence for each thing that is legal but probably not meant."""
    found = [f"space.{path} is fixed at {written(each)}: {advice(each)}" for path, each in lists.items()]
    wanted, (name, direction) = search.spec.search.trials, search.objective
    if wanted is not None and wanted != search.trials:
        found.append(f"{search.trials:,} trials instead of {wanted:,}: the largest number that this search can have")
    if direction != usual_direction(name):
        found.append(f"objective.direction is {direction}: the best trial is that of the worst {name}")
    return tuple(found)
