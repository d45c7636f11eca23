"""From a YAML file and --set to an `Experiment`, or to one report of all that is wrong with them."""

import copy
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lstmzoo.errors import ConfigError
from lstmzoo.experiment import Experiment
from lstmzoo.packaged import find_config
from lstmzoo.plan import memory_problem
from lstmzoo.problems import explain
from lstmzoo.sources import EITHER, Problem, Sources
from lstmzoo.strict_yaml import KeyPath, parse_scalar

Whole = TypeVar("Whole", bound=BaseModel)
MAX_PROBLEMS = 50  # shown at once
STAND_INS: dict[KeyPath, Any] = {("model",): {}, ("train",): {"steps": 1}}  # for a required section that is wrong


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Experiment:
    """The experiment in a YAML file, with overrides such as `train.steps=100` laid over it.

    `path` may be the name of one of the package's configs, such as `echo`, where no file is called so.
    Raises `ConfigError` that names every problem: file and line (or --set), path, expected, received, nearest name.
    """
    return _load(find_config(path), overrides, files_may_lack=False)


def load_run_config(path: Path) -> Experiment:
    """The resolved experiment of a run, wherever the run has been moved to: its text may not be there any more."""
    return _load(path, (), files_may_lack=True)


def _load(path: Path, overrides: Sequence[str], files_may_lack: bool) -> Experiment:
    sources = Sources(path, overrides)
    experiment, problems = None, list(sources.problems)
    if isinstance(sources.data, dict):
        sources.data.setdefault("name", name_of(path))
        context = {"folders": sources.folders, "files_may_lack": files_may_lack}
        experiment, found = check(sources.data, {problem.path for problem in problems}, context, Experiment)
        problems += found
    if experiment is None or problems:
        raise ConfigError(report(sources, problems))
    if too_large := memory_problem(experiment, experiment.task.vocab_size):
        raise ConfigError(report(sources, [Problem(("model",), too_large)]))
    return experiment


def name_of(path: Path) -> str:
    """The default name of what a file describes: its stem, as far as a directory can bear it."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("-.")[:100] or "run"


def dump_config(experiment: Experiment) -> str:
    """The experiment as YAML text that `load_config` reads back as the same experiment."""
    data = experiment.model_dump(mode="json", by_alias=True)
    for section, keys in EITHER.items():
        data[section] = {key: value for key, value in data[section].items() if key not in keys or value is not None}
    if not experiment.task.writes:
        del data["sample"]
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def check(
    data: dict[str, Any], wrong: set[KeyPath], context: dict[str, Any], section: type[Whole]
) -> tuple[Whole | None, list[Problem]]:
    """The data as a section, or all their problems; `wrong`: paths already reported, which hide what follows from them.

    `context`: `folders`, where relative paths start, and whether `files_may_lack`.

    Checks across keys only run on a section whose keys are right, so what is wrong is taken away and the rest checked
    again, until nothing new appears.
    """
    data, wrong = copy.deepcopy(data), set(wrong)
    problems: list[Problem] = []
    while True:
        try:
            whole = section.model_validate(data, context=context)
            return (None if problems else whole), problems
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


def report(sources: Sources, problems: list[Problem]) -> list[str]:
    """The problems as lines, in the order of the file; those of --set first."""
    lines = [text for _, text in sorted((sources.line_of(problem) for problem in problems), key=lambda line: line[0])]
    more = len(lines) - MAX_PROBLEMS
    return [*lines[:MAX_PROBLEMS], *([f"... and {more} more problems"] if more > 0 else [])]


class Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.2 would read as something else (PyYAML knows the rules of 1.1)."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        plain = parse_scalar(text) == text
    except ValueError:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


Dumper.add_representer(str, _text)
