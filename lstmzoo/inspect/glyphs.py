"""Glyphs: the one sign, a column wide, that stands for each symbol of a model, and the symbol's name."""

import unicodedata
from typing import Any


def shown_symbols(symbols: Any) -> list[list[str]]:
    """Return for each symbol of a vocabulary the glyph that stands for it, and its name."""
    if symbols.unit == "byte":
        return [shown_byte(int(code)) for code in symbols.codes]
    return [shown_character(chr(code)) for code in symbols.codes]


def shown_byte(code: int) -> list[str]:
    """Return the glyph of ASCII, or a dot, and a byte's number."""
    glyph = shown_character(chr(code))[0] if code < 128 else "·"
    return [glyph, f"byte {code}"]


def shown_character(symbol: str) -> list[str]:
    """Return what shows a character, a picture of it where nothing does, and its number and name in Unicode."""
    code, kind = ord(symbol), unicodedata.category(symbol)
    name = unicodedata.name(symbol, "control character" if kind == "Cc" else "character").lower()
    glyph = symbol
    if code < 32 or code == 127:
        glyph = chr(0x2421 if code == 127 else 0x2400 + code)
    elif kind[0] == "M":
        glyph = "\u25cc" + symbol  # an accent on a dotted circle
    elif kind[0] == "C" or kind in ("Zl", "Zp"):
        glyph = "\ufffd"
    return ["\u21b5" if symbol == "\n" else glyph, "newline" if symbol == "\n" else f"U+{code:04X} {name}"]
