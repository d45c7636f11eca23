"""YAML 1.2 in, plain data and line numbers out; ambiguous or hostile text is reported as problems with lines.

PyYAML parses the text to a stream of events, which is iterative, so that nesting cannot exhaust the stack. The meaning
of a plain scalar follows the core schema of YAML 1.2: `1e-3` is a number and `yes` is a string, as in every other YAML
1.2 tool.
"""

import copy
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import yaml

from lstmzoo.errors import shown

MAX_BYTES, MAX_NODES, MAX_DEPTH, MAX_INTEGER = 1_000_000, 20_000, 50, 2**63
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

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


class _Stop(Exception):
    """A problem after which nothing more can be read."""


def parse_yaml(text: str | bytes) -> Document:
    """Read one YAML document; for bad text report problems, and never raise."""
    return _Reader().read(text)


def parse_scalar(text: str) -> Any:
    """Return the value of a plain scalar in YAML 1.2's core schema: `"1e-3"` is 0.001, `"yes"` is "yes".

    Raises `ValueError` for numbers that are not finite, and integers of 64 bits or more.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        number = int(text, 0 if text[:2] in ("0o", "0x") else 10) if len(text) < 400 else MAX_INTEGER
        if abs(number) >= MAX_INTEGER:
            raise ValueError("expected a whole number of less than 64 bits")
        return number
    if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not math.isfinite(float(text))):
        raise ValueError("expected a finite number")
    return float(text) if _FLOAT.fullmatch(text) else text


class _Reader:
    """A builder of data from the events of one text."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {(): 1}
        self.problems: list[YamlProblem] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.nodes = 0

    def read(self, text: str | bytes) -> Document:
        data = None
        try:
            text = self._decoded(text)
            events = (e for e in yaml.parse(text, Loader=yaml.SafeLoader) if not isinstance(e, _FRAME))
            first = next(events, None)
            if first is not None:
                data = self._node(first, events, ())
                for event in events:
                    problem = "expected one YAML document, received a second one: keep one document in a file"
                    self._stop(_line(event), (), problem)
        except _Stop:
            data = None
        except yaml.YAMLError as error:
            self.problems.append(_syntax_problem(error))
        return Document(data, self.lines, self.problems)

    def _decoded(self, text: str | bytes) -> str:
        """Return the text if YAML allows it, else report the line (the parser would not say it)."""
        if len(text) > MAX_BYTES:
            self._stop(1, (), f"expected at most {MAX_BYTES} bytes, received more")
        try:
            text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self._stop(
                line, (), f"expected YAML, received text that is not UTF-8 (byte {error.start}): save it as UTF-8"
            )
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
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def _alias(self, name: str, line: int, path: KeyPath) -> Any:
        if name not in self.anchors:
            text = f"expected an alias of an anchor above it, received *{name[:50]}: define &{name[:50]} first"
            self._stop(line, path, text)
        value, size = self.anchors[name]
        self._count(size, line, path)
        return copy.deepcopy(value)  # a change at one place must not change the other

    def _scalar(self, event: Any, line: int, path: KeyPath) -> Any:
        if event.style is not None:
            return event.value
        try:
            return parse_scalar(event.value)
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
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            self._entry(values, event, events, path)
        return values

    def _entry(self, values: dict[str, Any], event: Any, events: Iterator[Any], path: KeyPath) -> None:
        line = _line(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._stop(line, path, "expected a name as key, received a list, a mapping or an alias")
        key = event.value
        if key in values:
            text = f"expected each key once, received {shown(key)} again (first at line {self.lines[(*path, key)]})"
            self.problems.append(YamlProblem(line, (*path, key), text))
        self.lines.setdefault((*path, key), line)
        values[key] = self._node(next(events), events, (*path, key))


_FRAME = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _syntax_problem(error: yaml.YAMLError) -> YamlProblem:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return YamlProblem(
        mark.line + 1 if mark else 1, (), f"expected YAML, received text that is not valid YAML ({reason})"
    )
