"""PyYAML's scanner with YAML 1.2's rule for tabs, and its errors in words that say the cause."""

import re
from typing import Any

import yaml

_ENDS = "\0\r\n\x85\u2028\u2029"
_NO_SPACE = re.compile(r"""\s*(?:- *)?[\[{]?\s*(["']?(?!zoo:)[A-Za-z_][\w.]+["']?):([^\s:/\\][^\n]*)""")
_WORDS = {
    "block end": "the end of the section",
    "block mapping start": "a key",
    "block sequence start": "a list",
    "document start": "the beginning of a document",
    "stream end": "the end of the file",
}
_CAUSES = {
    "escape": r"a backslash in double quotes begins an escape such as \n: write it in single quotes, or with / or \\",
    "could not find expected ':'": "a line without a colon between key and value",
    "mapping values are not allowed": "a second colon in a line, or a line indented too far: quote a text with a colon",
    "unexpected end of stream": "a quote that is not closed",
    "cannot start any token": "a value that begins with a sign of YAML's own: quote it",
}


class Loader(yaml.SafeLoader):
    """Loader for which a tab separates, as in YAML 1.2; it still cannot indent a key or the entry of a list."""

    def scan_to_next_token(self) -> None:
        """Pass over white space and comments."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            if "\t" in self._white() and not self.flow_level:
                self.allow_simple_key = False
            if self.peek() == "#":
                while self.peek() not in _ENDS:
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call]
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str] | None:
        """Return the white space within a plain text: a tab between two words belongs to it."""
        white = self._white()
        if self.peek() in _ENDS[1:]:
            return super().scan_plain_spaces(indent, start_mark)
        return [white] if white else []

    def _white(self) -> str:
        length = 0
        while self.peek(length) in " \t":
            length += 1
        white = self.prefix(length)
        self.forward(length)
        return white


def no_space(text: object) -> str:
    """Return a hint for a text such as "units:4", which lacks the space after its colon; "" for any other."""
    found = _NO_SPACE.match(text) if isinstance(text, str) else None
    return f"; a space is missing after the colon: {found[1]}: {found[2].strip()[:40]}" if found else ""


def cause_of(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """Return the line (from 1) of a syntax error in a text, and its cause in plain words."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return 1, "it cannot be read"
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark]
    lines = ["", *text.splitlines()]
    for number in [
        *(mark.line + 1 for mark in marks),
        marks[0].line,
    ]:  # a word without a colon is read with what follows
        line = lines[number] if number < len(lines) else ""
        if re.match(r"[\s?-]*\t", line):
            return number, "a tab indents this line: indent with spaces"
        if hint := no_space(line):
            return number, hint.removeprefix("; ")
    return marks[0].line + 1, _plain(f"{error.context}: {error.problem}")


def _plain(problem: str) -> str:
    """Return PyYAML's words for a problem in ours, where they do not say what to do."""
    for words, ours in _CAUSES.items():
        if words in problem:
            return ours
    problem = problem.rpartition(": ")[2].replace("the node content", "a value").replace("'?'", "a key")
    return re.sub(r"'?<([a-z ]+)>'?", lambda token: _WORDS.get(token[1], f"a {token[1]}"), problem)
