"""Values of the scalars of YAML 1.2."""

import math
import re
from typing import Any

MAX_INTEGER = 2**63
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


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


def whole(text: str) -> str:
    r"""Join the two halves of characters that JSON writes as `\ud83d\ude00`; raise `ValueError` for one half alone.

    The halves from U+DC80 to U+DCFF stay: they are how Python writes the bytes of a file name that is no UTF-8.
    """
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    if _HALF.search(joined):
        raise ValueError(r"expected both halves of a character, such as \ud83d\ude00, or itself")
    return joined
