"""Loader from a YAML file and --set to an `Experiment`, or to one report of all that is wrong."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from lstmzoo.config.checking import check, report_lines
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.find import find_config
from lstmzoo.config.plan import memory_problem
from lstmzoo.config.sources import EITHER, Problem, Sources
from lstmzoo.errors import ConfigError, InputError, shown
from lstmzoo.schema.yaml_reader import parse_yaml
from lstmzoo.schema.yaml_scalars import parse_scalar
from lstmzoo.system.machine import memory_limit
from lstmzoo.tasks.optional import sizes_of


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Experiment:
    """Load the experiment of a YAML file, with overrides such as `train.steps=100` laid over it.

    `path` may be the name of one of the package's configs, such as `echo`, where no file has that name.
    Raises `ConfigError` that names every problem: file and line (or --set), path, expected, received, nearest name.
    """
    if isinstance(overrides, str) or not all(isinstance(each, str) for each in overrides):
        raise InputError(f'overrides: expected a list such as ["train.steps=100"], received {shown(overrides)}')
    return _load(find_config(path), overrides, files_may_lack=False)


def load_run_config(path: Path) -> Experiment:
    """Load the resolved experiment of a run that may have been moved: its text may be missing."""
    return _load(path, (), files_may_lack=True)


def _load(path: Path, overrides: Sequence[str], files_may_lack: bool) -> Experiment:
    sources = Sources(path, overrides, Experiment)
    experiment, problems = None, list(sources.problems)
    if isinstance(sources.data, dict):
        sources.data.setdefault("name", name_of(path))
        context = {"folders": sources.folders, "files_may_lack": files_may_lack}
        experiment, found = check(sources.data, {problem.path for problem in problems}, context, Experiment)
        problems += found
    if experiment is None or problems:
        raise ConfigError(report_lines(sources, problems))
    if too_large := memory_problem(experiment, sizes_of(experiment.task)):
        part = "task" if experiment.task.bytes_needed() > memory_limit()[0] else "model"
        raise ConfigError(report_lines(sources, [Problem((part,), too_large)]))
    return experiment


def parse_config(text: str) -> Experiment:
    """Read what `dump_config` wrote on another machine; `ConfigError` for what this one lacks, such as the text."""
    context = {"folders": [], "files_may_lack": False}
    experiment, problems = check(parse_yaml(text.encode()).data, set(), context, Experiment)
    if experiment is None:
        raise ConfigError([f"{'.'.join(map(str, problem.path))}: {problem.text}" for problem in problems])
    return experiment


def name_of(path: Path) -> str:
    """Derive the default name from a file: its stem, changed so that a directory can have it."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", path.stem).lstrip("-.")[:100] or "run"


def dump_config(experiment: Experiment) -> str:
    """Write the experiment as YAML text that `load_config` reads back as the same experiment."""
    data = experiment.model_dump(mode="json", by_alias=True)
    for section, keys in EITHER.items():
        data[section] = {key: value for key, value in data[section].items() if key not in keys or value is not None}
    if not experiment.task.writes:
        del data["sample"]
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True)


class Dumper(yaml.SafeDumper):
    """Dumper that quotes text which YAML 1.2 would read as something else (PyYAML knows the rules of 1.1)."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    try:
        plain = parse_scalar(text) == text
    except ValueError:
        plain = False
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


Dumper.add_representer(str, _text)
