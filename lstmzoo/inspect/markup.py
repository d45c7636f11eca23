"""Markup: texts, data and digests as they stand in an HTML page, in which no text can run as a program."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

CHUNK = 1 << 20  # bytes that a browser inflates at once: a few milliseconds


def escaped(text: str) -> str:
    """Return a text as HTML shows it."""
    marks = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\0": "\ufffd"}
    return "".join(marks.get(mark, mark) for mark in text.encode("utf-8", "replace").decode())


def as_json(header: dict[str, Any]) -> str:
    """Return JSON that may stand in HTML: no mark in it ends an element."""
    return json.dumps(header, allow_nan=False).replace("<", "\\u003c").replace("&", "\\u0026")


def source(content: str) -> str:
    """Return what allows exactly this style or program in a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def elements(arrays: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield an element for each piece of each array: deflated, in base64."""
    for name, array in arrays.items():
        content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
        for first in range(0, max(len(content), 1), CHUNK):
            piece = base64.b64encode(zlib.compress(content[first : first + CHUNK].tobytes(), 4)).decode()
            yield f'<script type="text/plain" data-block="{name}">{piece}</script>'
