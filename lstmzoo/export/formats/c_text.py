"""Pieces of a C header as text: names, tables, comments, the vocabulary, and the parts of the template beside this."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.system.reader import open_file

HERE = Path(__file__).parent
LINE = 16  # numbers of a table in a line
MOST = 1 << 22  # bytes of the comment at a header's end
ENDS = re.compile(rb"\n/\* lstmzoo reads this\n([^*]*)\*/\n$")


def identifier(stem: str) -> str:
    """Return the C identifier of a file's stem: `identifier("my-net")` is "my_net", and "2x8" gives "model_2x8"."""
    name = re.sub("[^A-Za-z0-9_]", "_", stem)
    return name if name[:1].isalpha() else f"model_{name}"


def part(name: str) -> str:
    """Return the part of the template that is named c_NAME.h."""
    return (HERE / f"c_{name}.h").read_text(encoding="utf-8").rstrip("\n")


def table(kind: str, name: str, numbers: np.ndarray) -> str:
    """Return a constant array; floats with as many digits as it takes to read the same numbers."""
    flat = numbers.ravel()
    floats = kind == "float"
    words = [f"{word}f" for word in flat.astype(np.float32).astype(str)] if floats else list(map(str, flat.tolist()))
    lines = ",\n".join(", ".join(words[k : k + LINE]) for k in range(0, len(words), LINE))
    return f"NAME_TABLE {kind} NAME_{name}[{len(words)}] = {{\n{lines}\n}};"


def vocabulary(symbols: Vocabulary) -> str:
    """Return the vocabulary, with the functions that find and spell a symbol."""
    is_byte = symbols.unit == "byte"
    codes = ",\n".join(", ".join(map(str, line)) for line in _lines(symbols.codes.tolist()))
    form = f" Texts are first brought to Unicode's form {symbols.normalize}." if symbols.normalize else ""
    lower = " Texts are lower-cased first: the model knows lower case only." if symbols.lowercase else ""
    parts = {
        "UNIT": "a byte" if is_byte else "a character of Unicode",
        "ONE": "a byte" if is_byte else "a character",
        "LOWER": form + lower,
        "CODE_TYPE": "unsigned long",
        "CODES": codes,
        "UTF8": "" if is_byte else " in UTF-8",
        "MORE": "0" if is_byte else "code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3",
    }
    return re.sub("@([A-Z_0-9]+)@", lambda found: parts[found[1]], part("vocabulary")) + "\n"


def _lines(numbers: list[int]) -> Iterable[list[int]]:
    return (numbers[k : k + LINE] for k in range(0, len(numbers), LINE))


def comment(text: str) -> str:
    """Return a text that can stand in a comment of C: in ASCII, without its marks, and without trigraphs."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return re.sub(r"\?(?=\?)", "? ", plain.replace("*/", "* /").replace("/*", "/ *"))


def files_comment(files: Mapping[str, bytes]) -> str:
    """Return the comment at a header's end: a line for each file of JSON, without the marks and trigraphs of C."""
    content = {
        name: json.dumps(json.loads(file), allow_nan=False) for name, file in files.items() if name.endswith(".json")
    }
    marks = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "*/?"})
    return "".join(
        ["/* lstmzoo reads this\n", *(f"{n} {text.translate(marks)}\n" for n, text in content.items()), "*/\n"]
    )


def read_files(path: Path) -> dict[str, bytes]:
    """Return the files of JSON in the comment at a header's end; raise `ValueError` if there is none."""
    with open_file(path) as file:
        file.seek(max(os.fstat(file.fileno()).st_size - MOST, 0))
        found = ENDS.search(file.read(MOST))
    if found is None:
        raise ValueError("no header that lstmzoo wrote")
    return {name.decode(): content for name, _, content in (line.partition(b" ") for line in found[1].splitlines())}
