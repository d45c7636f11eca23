"""From a YAML file and --set to an `Experiment`, or to one report of all that is wrong with them."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lstmzoo.errors import ConfigError, InputError
from lstmzoo.experiment import LENGTHS, Experiment
from lstmzoo.plan import check_memory
from lstmzoo.problems import explain
from lstmzoo.strict_yaml import MAX_BYTES, Document, parse_yaml, shown
from lstmzoo.zoo import get_model


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Experiment:
    """The experiment in a YAML file, with overrides such as `train.steps=100` laid over it.

    Raises `ConfigError` that names every problem: file and line (or --set), path, expected, received, nearest name.
    """
    return _Loading(str(path), parse_yaml(_read(Path(path)))).experiment(overrides, Path(path).stem)


def dump_config(experiment: Experiment) -> str:
    """The experiment as YAML text that `load_config` reads back as the same experiment."""
    data = experiment.model_dump(mode="json", by_alias=True)
    lengths = {key: value for key, value in data["train"].items() if key not in LENGTHS or value is not None}
    return yaml.safe_dump({**data, "train": lengths}, sort_keys=False, allow_unicode=True)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"expected a readable YAML file, received {shown(str(path))} ({reason})") from error
    if not content.strip():
        raise InputError(f"expected a YAML file, received {shown(str(path))}, which is empty")
    return content


class _Loading:
    """One file and the overrides laid over it, with the place that each value came from."""

    def __init__(self, file: str, document: Document):
        self.file, self.data, self.lines = file, document.data, document.lines
        self.places: dict[tuple[str | int, ...], str] = {}
        self.found = {
            problem.path: self._line(problem.path, problem.text, problem.line) for problem in document.problems
        }

    def experiment(self, overrides: Sequence[str], stem: str) -> Experiment:
        if not isinstance(self.data, dict):
            raise ConfigError(self._all_of({}) or [self._line((), f"expected a mapping, received {shown(self.data)}")])
        self._override(overrides)
        self.data.setdefault("name", re.sub(r"[^A-Za-z0-9._-]", "-", stem).lstrip("-.")[:100] or "run")
        try:
            experiment = Experiment.model_validate(self.data)
        except ValidationError as error:
            raise ConfigError(self._all_of(explain(error, self.data, Experiment))) from None
        if self.found:
            raise ConfigError(self._all_of({}))
        check_memory(experiment)
        return experiment

    def _all_of(self, explained: dict[tuple[str | int, ...], str]) -> list[str]:
        lines = {path: self._line(path, text) for path, text in explained.items()}
        return sorted({**lines, **self.found}.values(), key=_line_number)

    def _override(self, overrides: Sequence[str]) -> None:
        given = [self._parsed(override) for override in overrides]
        lengths = {path[1] for path, _ in given if path[:1] == ("train",) and path[1:] and path[1] in LENGTHS}
        if lengths and isinstance(self.data.get("train"), dict):
            self.data["train"] = {k: v for k, v in self.data["train"].items() if k not in LENGTHS}
        if isinstance(self.data.get("model"), str) and any(path[0] == "model" and path[1:] for path, _ in given):
            self.data["model"] = _expanded(self.data["model"])
        for path, value in given:
            self._lay(path, value)

    def _parsed(self, override: str) -> tuple[tuple[str, ...], Any]:
        key, equals, text = override.partition("=")
        path = tuple(key.strip().split("."))
        if not equals or not all(path):
            raise InputError(f"--set: expected KEY=VALUE such as train.steps=100, received {shown(override)}")
        document = parse_yaml(text)
        self.places[path] = f"--set {key.strip()}"
        self.found.update({(*path, *p.path): self._line(path, p.text) for p in document.problems})
        return path, document.data

    def _lay(self, path: tuple[str, ...], value: Any) -> None:
        section = self.data
        for key in path[:-1]:
            if not isinstance(section.setdefault(key, {}), dict):
                raise ConfigError([self._line(path, f"expected {key} to be a section, received {shown(section[key])}")])
            section = section[key]
        section[path[-1]] = value

    def _line(self, path: tuple[str | int, ...], text: str, line: int | None = None) -> str:
        ancestors = [path[:length] for length in range(len(path), -1, -1)]
        place = next((self.places[path] for path in ancestors if path in self.places), None)
        number = line or next((self.lines[path] for path in ancestors if path in self.lines), 1)
        where = shown(".".join(map(str, path)), 100).strip("'") + ": " if path else ""
        return f"{place or f'{self.file}:{number}'}: {where}{text}"


def _line_number(problem: str) -> int:
    match = re.match(r".*?:([0-9]+): ", problem)
    return int(match[1]) if match else 0


def _expanded(name: str) -> Any:
    try:
        return get_model(name).model_dump(mode="json", exclude_defaults=True)
    except InputError:
        return name  # reported with its line by the check of the whole
