"""YAML 1.2 in, plain data and line numbers out; ambiguous or hostile text is reported as problems with lines.

PyYAML parses the text to a stream of events, which is iterative, so that nesting cannot exhaust the stack. The meaning
of a plain scalar follows the core schema of YAML 1.2: `1e-3` is a number and `yes` is a string, as in every other YAML
1.2 tool. Of YAML 1.1 the merge key `<<` is known, since people write it.
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import yaml

from lstmzoo.errors import shown, written
from lstmzoo.schema.yaml_scalars import parse_scalar, whole
from lstmzoo.schema.yaml_scanner import Loader, cause_of
from lstmzoo.system.unicode import cure, other_encoding

MAX_BYTES, MAX_NODES, MAX_DEPTH = 1_000_000, 20_000, 50
KeyPath = tuple[str | int, ...]


class YamlProblem(NamedTuple):
    """A problem at a line (from 1) and a path of keys."""

    line: int
    path: KeyPath
    text: str


class Document(NamedTuple):
    """The data of one YAML text, the line of each path, and the problems that were found."""

    data: Any
    lines: dict[KeyPath, int]
    problems: list[YamlProblem]
    shared: set[str]
    """The first keys of a text below which an anchor stands that is used below another one."""


class _Stop(Exception):
    """A problem after which nothing more can be read."""


def parse_yaml(text: str | bytes) -> Document:
    """Read one YAML document; for bad text report problems, and never raise."""
    return _Reader().read(text)


class _Reader:
    """A builder of data from the events of one text."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {(): 1}
        self.problems: list[YamlProblem] = []
        self.anchors: dict[str, tuple[Any, int, KeyPath]] = {}
        self.shared: set[str] = set()
        self.nodes = 0

    def read(self, text: str | bytes) -> Document:
        data = None
        try:
            text = self._decoded(text)
            events = (e for e in yaml.parse(text, Loader=Loader) if not isinstance(e, _FRAME))
            first = next(events, None)
            if first is not None:
                data = self._node(first, events, ())
                for event in events:
                    problem = "expected one YAML document, received a second one: keep one document in a file"
                    self._stop(_line(event), (), problem)
        except _Stop:
            data = None
        except yaml.YAMLError as error:
            line, cause = cause_of(error, str(text))
            problem = f"expected YAML, received text that is not valid YAML ({cause})"
            self.problems.append(YamlProblem(line, (), problem))
        return Document(data, self.lines, self.problems, self.shared)

    def _decoded(self, text: str | bytes) -> str:
        """Return the text if YAML allows it, else report the line (the parser would not say it)."""
        if len(text) > MAX_BYTES:
            self._stop(1, (), f"expected at most {MAX_BYTES} bytes, received more")
        try:
            text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        except UnicodeDecodeError as error:
            line, name = error.object[: error.start].count(b"\n") + 1, other_encoding(error.object)
            what = f"in {name}: {cure(name)}" if name else f"that is not UTF-8 (byte {error.start}): save it as UTF-8"
            self._stop(line, (), f"expected YAML, received text {what}")
        if odd := yaml.reader.Reader.NON_PRINTABLE.search(text):
            line = text.count("\n", 0, odd.start()) + 1
            self._stop(
                line, (), f"expected YAML, received text that is not valid YAML (the character {odd[0]!a}): remove it"
            )
        return text

    def _stop(self, line: int, path: KeyPath, text: str) -> NoReturn:
        self.problems.append(YamlProblem(line, path, text))
        raise _Stop

    def _count(self, nodes: int, line: int, path: KeyPath) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            limits = f"expected at most {MAX_NODES} values and {MAX_DEPTH} levels, each alias counted in full"
            self._stop(line, path[:3], f"{limits}, received more")

    def _node(self, event: Any, events: Iterator[Any], path: KeyPath) -> Any:
        line, before = _line(event), self.nodes
        self.lines.setdefault(path, line)
        self._count(1, line, path)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), line, path)
        if event.tag is not None:
            self.problems.append(YamlProblem(line, path, f"expected no tag, received {shown(event.tag)}: remove it"))
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, line, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, path)
        else:
            value = self._mapping(events, path)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before, path)
        return value

    def _alias(self, name: str, line: int, path: KeyPath) -> Any:
        if name not in self.anchors:
            text = f"expected an alias of an anchor above it, received *{name[:50]}: define &{name[:50]} first"
            self._stop(line, path, text)
        value, size, place = self.anchors[name]
        self._count(size, line, path)
        if place and place[:1] != path[:1]:
            self.shared.add(str(place[0]))
        return copy.deepcopy(value)  # a change at one place must not change the other

    def _scalar(self, event: Any, line: int, path: KeyPath) -> Any:
        try:
            return parse_scalar(event.value) if event.style is None else whole(event.value)
        except ValueError as error:
            self.problems.append(YamlProblem(line, path, f"{error}, received {shown(event.value)}"))
            return None

    def _sequence(self, events: Iterator[Any], path: KeyPath) -> list[Any]:
        values: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._node(event, events, (*path, len(values))))
        return values

    def _mapping(self, events: Iterator[Any], path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.style is None:
                merged = {**self._merged(event, events, (*path, "<<")), **merged}
            else:
                self._entry(values, event, events, path)
        for key in merged:
            self.lines.setdefault((*path, key), self.lines[(*path, "<<")])
        return {**merged, **values}

    def _merged(self, event: Any, events: Iterator[Any], path: KeyPath) -> dict[str, Any]:
        """Return what a merge key brings: of several mappings the first one that has a key gives its value."""
        value, line = self._node(next(events), events, path), _line(event)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            text = f"expected a mapping, or a list of them, after the merge key, received {written(value)}"
            self._stop(line, path, text)
        return {key: inner for part in reversed(parts) for key, inner in part.items()}

    def _entry(self, values: dict[str, Any], event: Any, events: Iterator[Any], path: KeyPath) -> None:
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._stop(line, path, "expected a name as key, received a list, a mapping or an alias")
        try:
            key = whole(event.value)
        except ValueError as error:
            self._stop(line, path, f"{error}, received {shown(event.value)}")
        if key in values:
            text = f"expected each key once, received {shown(key)} again (first at line {self.lines[(*path, key)]})"
            self.problems.append(YamlProblem(line, (*path, key), text))
        self.lines.setdefault((*path, key), line)
        values[key] = self._node(next(events), events, (*path, key))


_FRAME = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
