"""Sources of a configuration: a YAML file with --set laid over it, and the place of each value in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from lstmzoo.data.simulated import is_simulation
from lstmzoo.errors import InputError, nearest, shown, written
from lstmzoo.models.registry import get_model
from lstmzoo.schema.places import legal_keys
from lstmzoo.schema.yaml_reader import MAX_BYTES, MAX_DEPTH, KeyPath, parse_yaml
from lstmzoo.schema.yaml_scanner import no_space
from lstmzoo.system.reader import open_file
from lstmzoo.tasks.optional import data_keys
from lstmzoo.tasks.registry import TASKS

LENGTHS = ("epochs", "steps", "time_budget")
EITHER = {"train": LENGTHS, "task": ("corpus", "text")}  # keys of which one is given; that of --set replaces the file's
WORDS = {("train", "reset_state")}  # a word or a section: --set of a key in it replaces the word
DATA = {("task", key) for task in TASKS.values() for key in data_keys(task.Spec)}


class Problem(NamedTuple):
    """Problem at a path; it has a line if the text itself shows it."""

    path: KeyPath
    text: str
    line: int | None = None


class Sources:
    """The merged data of one file and its overrides, and the problems met while reading them."""

    def __init__(self, path: Path, overrides: Sequence[str], section: type[BaseModel]):
        document = parse_yaml(_read(path))
        self.file, self.data, self.lines = str(path), document.data, document.lines
        if isinstance(self.data, dict):
            self.data = _without_shared(self.data, document.shared, section)
        self.problems = [Problem(path, text, line) for line, path, text in document.problems]
        self.places: dict[KeyPath, str] = {}
        if isinstance(self.data, dict):
            self.problems += lay_over(self.data, [given for override in overrides if (given := self._parsed(override))])
        elif not self.problems:
            received = written(self.data) + no_space(self.data)
            self.problems.append(Problem((), f"expected a mapping of sections, received {received}"))

    @property
    def folders(self) -> list[Path]:
        """Folders where relative paths start: the file's, and for those of --set then the working directory."""
        here = [Path.cwd()] if any(place[:2] in DATA for place in self.places) else []
        return [Path(self.file).parent, *here]

    def line_of(self, problem: Problem) -> tuple[int, str]:
        """Return the line number of a problem (0: from --set) and its whole message."""
        path = problem.path
        above = [path[:length] for length in range(len(path), -1, -1)]
        here = next((self.places[place] for place in above if place in self.places), None)
        below = [place for place in self.places if place[: len(path)] == path and place != path]
        number = problem.line or next((self.lines[place] for place in above if place in self.lines), 1)
        if below and not here:
            here = "--set " + ", ".join(shown(".".join(map(str, place))).strip("'") for place in below)
        where = shown(".".join(map(str, path)), 100).strip("'") + ": " if path else ""
        return 0 if here else number, f"{here or f'{self.file}:{number}'}: {where}{problem.text}"

    def _parsed(self, override: str) -> tuple[KeyPath, Any] | None:
        key, equals, text = override.partition("=")
        path = tuple(key.strip().split(".", 2 * MAX_DEPTH))
        if not equals or not all(path):
            where: KeyPath = ("--set",)
            self.places[where] = "--set"
            self.problems.append(
                Problem(where, f"expected KEY=VALUE such as train.steps=100, received {shown(override)}")
            )
            return None
        self.places[path] = f"--set {shown(key.strip()).strip(chr(39))}"
        document = parse_yaml(text)
        self.problems += [Problem((*path, *inner), text) for _, inner, text in document.problems]
        return path, document.data


def lay_over(data: dict[str, Any], given: Sequence[tuple[KeyPath, Any]]) -> list[Problem]:
    """Set values at paths of a configuration's data in place; return the problems met on the way."""
    for section, keys in EITHER.items():
        replaced = any(len(path) == 2 and path[0] == section and path[1] in keys for path, _ in given)
        if replaced and isinstance(data.get(section), dict):
            data[section] = {key: value for key, value in data[section].items() if key not in keys}
    task, table = data.get("task"), dict(given).get(("task", "data"))
    if isinstance(task, dict) and is_simulation(task.get("data")) and table is not None and not is_simulation(table):
        task.pop("rows", None)  # they are of the simulated series, which files replace
    return [problem for path, value in given if (problem := _lay(data, path, value))]


def _lay(data: dict[str, Any], path: KeyPath, value: Any) -> Problem | None:
    section: Any = data
    if len(path) > MAX_DEPTH:
        return Problem(path[:3], f"expected a key that exists, received one of more than {MAX_DEPTH} levels")
    if path[0] == "model" and path[1:] and isinstance(section.get("model"), str):
        section["model"] = _expanded(section["model"])
    for depth, key in enumerate(path[:-1], 1):
        if section.get(key) is None or (path[:depth] in WORDS and isinstance(section[key], str)):
            section[key] = {}  # null is no section yet
        inner = section[key]
        if not isinstance(inner, dict):
            return Problem(path, f"expected {key} to be a section, received {written(inner)}")
        section = inner
    section[path[-1]] = value
    return None


def _without_shared(data: dict[str, Any], shared: set[str], section: type[BaseModel]) -> dict[str, Any]:
    """Remove what only holds anchors for other places, such as `defaults: &defaults {...}`.

    A name near to that of a section which is missing stays, for it is probably mistyped.
    """
    legal = legal_keys((), section, ())
    missing = legal - data.keys()
    return {key: value for key, value in data.items() if key in legal or key not in shared or nearest(key, missing)}


def _read(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a NUL character"
        raise InputError(f"expected a readable YAML file, received {shown(str(path))} ({reason})") from error
    if not content.strip():
        raise InputError(f"expected a YAML file, received {shown(str(path))}, which is empty")
    return content


def _expanded(name: str) -> Any:
    try:
        return get_model(name).model_dump(mode="json", exclude_defaults=True)
    except InputError:
        return name  # reported with its line by the check of the whole
