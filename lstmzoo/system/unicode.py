"""Encodings that texts come in beside UTF-8, and the mark that some programs write before a text."""

from contextlib import suppress

MARK = 0xFEFF  # U+FEFF, the byte order mark: no part of the text when it comes first
UTF8_MARK = b"\xef\xbb\xbf"
LOOK = 400  # bytes
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def other_encoding(start: bytes) -> str | None:
    """Return the encoding, UTF-16 or UTF-32, that the mark before a text tells; None for UTF-8 and anything else."""
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)


def probable_encoding(start: bytes) -> str | None:
    """Return the encoding in which bytes with zeros are a text, mostly of ASCII; None for bytes that are no text."""
    whole = start[: len(start[:LOOK]) // 4 * 4]
    for name in ("UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE") if len(whole) >= 8 else ():
        with suppress(UnicodeDecodeError):
            text = whole.decode(name)
            if all(char.isprintable() or char.isspace() for char in text) and 2 * sum(map(str.isascii, text)) > len(
                text
            ):
                return name
    return None


def cure(encoding: str) -> str:
    """Return how to convert a file from another encoding."""
    return f"save it as UTF-8 (iconv -f {encoding} -t UTF-8 FILE > NEW)"
