"""What a terminal would obey is shown instead."""

import io

import pytest

from lstmzoo.system.terminal import TextOutput, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to be\n\tor not", "to be\n\tor not"),
        ("é 漢 \u3000 🙂", "é 漢 \u3000 🙂"),
        ("\x1b[2J\x07\r\x00", "\\x1b[2J\\x07\\r\\x00"),
        ("\x9b31m\u202eabc\u2028", "\\x9b31m\\u202eabc\\u2028"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_escaped(text, shown):
    assert printable(text) == shown


def test_pieces_that_end_within_a_character():
    stream = io.BytesIO()
    output = TextOutput(stream, is_terminal=True)
    for byte in "é🙂\x1b".encode() + b"\xff\xf0\x9f":
        output.write(bytes([byte]))
    output.write(b"", last=True)
    assert stream.getvalue().decode() == "é🙂\\x1b\\xff\\xf0\\x9f"


def test_elsewhere_bytes_stay_as_they_are():
    stream = io.BytesIO()
    TextOutput(stream, is_terminal=False).write(b"\x1b\xff", last=True)
    assert stream.getvalue() == b"\x1b\xff"
