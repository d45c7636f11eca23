"""What is no regular file, or too large, is answered at once: no command hangs on it or fills memory."""

import os
import socket

import pytest

from lstmzoo.system.reader import open_file, read_file


def large(path):
    with path.open("wb") as file:
        file.truncate(1 << 33)  # of zeros, without taking room


def pipe(path):
    os.mkfifo(path)


def listening(path):
    with socket.socket(socket.AF_UNIX) as ours:
        ours.bind(str(path))


def device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


def dangling(path):
    path.symlink_to("nowhere")


KINDS = [large, pipe, listening, device, folder, dangling]


@pytest.mark.parametrize("make", KINDS)
def test_what_cannot_be_read_whole(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    make(type(tmp_path)("a"))
    with pytest.raises(OSError):
        read_file(tmp_path / "a")


def test_a_file_of_the_largest_size_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        read_file(tmp_path / "a", 4)


def test_a_file_that_is_opened_is_read_as_any(tmp_path):
    (tmp_path / "a").write_bytes(b"1\n2\n")
    (tmp_path / "b").symlink_to("a")
    with open_file(tmp_path / "b") as file:
        assert list(file) == [b"1\n", b"2\n"]
