"""Texts: from files to ids and back, in pieces, cached; and what no text is."""

import hashlib
import http.server
import json
import os
import shutil
import stat
import subprocess
import threading
import time

import numpy as np
import pytest
from hypothesis import given, strategies as st

from lstmzoo.data import cache as folders, corpora, reading, text
from lstmzoo.data.corpora import CORPORA, corpus_files, fetch
from lstmzoo.data.reading import Reading
from lstmzoo.data.text import encode_file, read_text
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import EnvironmentFailure, InputError

PLAY = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak. Ünï ₤ 🎭\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def file_of(tmp_path, content, name="play.txt"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / name


def reread(found):
    return found.vocabulary.decode(found.ids).decode()


@pytest.mark.parametrize("piece", [1, 3, 1 << 23])
def test_a_text_is_its_ids_whatever_the_pieces(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(reading, "PIECE", piece)
    found = read_text([file_of(tmp_path, PLAY)], Reading())
    assert reread(found) == PLAY
    assert "".join(map(chr, found.vocabulary.codes)) == "".join(sorted(set(PLAY)))
    np.testing.assert_array_equal(found.ids, [sorted(set(PLAY)).index(char) for char in PLAY])
    assert found.digest == hashlib.sha256(PLAY.encode()).hexdigest()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_encoding_and_decoding_any_text(play):
    vocabulary = Vocabulary(map(ord, set(play)), "char")
    ids = vocabulary.encode_text(play, "text")
    assert vocabulary.decode(ids).decode() == play
    assert ids.dtype == vocabulary.dtype


def test_several_files_are_one_text(tmp_path):
    files = [file_of(tmp_path, part, name) for part, name in (("one ", "a"), ("", "b"), ("two", "c"))]
    assert reread(read_text(files, Reading())) == "one two"


def test_lower_case(tmp_path):
    found = read_text([file_of(tmp_path, "HelLo ÉTÉ İ")], Reading(lowercase=True))
    assert reread(found) == "hello été i"
    assert found.vocabulary.decode(found.vocabulary.encode_text("HÉ", "prompt")).decode() == "hé"


def test_bytes(tmp_path):
    content = bytes(range(256)) * 2
    found = read_text([file_of(tmp_path, content)], Reading(unit="byte"))
    assert found.vocabulary.decode(found.ids) == content
    assert (len(found.vocabulary), found.ids.dtype) == (256, np.uint8)


def test_more_than_256_symbols_take_two_bytes(tmp_path):
    play = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    found = read_text([file_of(tmp_path, play)], Reading())
    assert found.ids.dtype == np.uint16
    assert reread(found) == play


def test_a_text_is_encoded_once(tmp_path, cache, monkeypatch):
    first = read_text([file_of(tmp_path, PLAY)], Reading())
    (place,) = (cache / "texts").iterdir()
    monkeypatch.setattr(text, "_encode_files", None)
    again = read_text([file_of(tmp_path, PLAY, "copy.txt")], Reading())
    again.release()
    np.testing.assert_array_equal(first.ids, again.ids)
    assert first.vocabulary == again.vocabulary
    assert {path.name for path in place.iterdir()} == {"ids.npy", "vocab.json", "SHA256SUMS"}
    assert subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=place).returncode == 0


def changed(name, change):
    def damage(place):
        (place / name).write_bytes(change((place / name).read_bytes()))

    return damage


def other(name, make):
    def damage(place):
        (place / name).unlink()
        make(place / name)

    return damage


def of_another_text(place):
    """All of it, with its own digests, but for another text of as many symbols."""
    found = read_text([file_of(place.parents[1], PLAY.replace("Speak", "kaepS"), "other.txt")], Reading())
    assert len(found.ids) == len(PLAY)
    (twin,) = (path for path in place.parent.iterdir() if path != place)
    shutil.copy(twin / "ids.npy", place)


def of_another_user(place):
    """A right digest behind wrong ids, as somebody else can write it."""
    content = (place / "ids.npy").read_bytes()
    (place / "ids.npy").write_bytes(content[:-1] + b"\0")
    sums = (place / "SHA256SUMS").read_text().splitlines()
    digest = hashlib.sha256(content[:-1] + b"\0").hexdigest()
    (place / "SHA256SUMS").write_text(f"{digest}  ids.npy\n{sums[1]}\n")
    os.chown(place, 12345, 12345)


def beyond(place):
    """Ids that the vocabulary does not have, under a right digest."""
    content = (place / "ids.npy").read_bytes()[:-1] + b"\xff"
    (place / "ids.npy").write_bytes(content)
    sums = (place / "SHA256SUMS").read_text().splitlines()
    (place / "SHA256SUMS").write_text(f"{hashlib.sha256(content).hexdigest()}  ids.npy\n{sums[1]}\n")


def longer_header(content):
    return content.replace(b"(%d,)" % len(PLAY), b"(%d,)" % (len(PLAY) // 2), 1)


DAMAGE = {
    "ids cut": changed("ids.npy", lambda content: content[:-5]),
    "half of the ids": changed("ids.npy", lambda content: content[: 128 + len(PLAY) // 2]),
    "half of the ids, and a header that says so": changed("ids.npy", lambda content: longer_header(content)[: 128 + len(PLAY) // 2]),
    "a header of half": changed("ids.npy", longer_header),
    "more ids": changed("ids.npy", lambda content: content + content[-9:]),
    "one id changed": changed("ids.npy", lambda content: content[:-1] + b"\0"),
    "ids turned round": changed("ids.npy", lambda content: content[:128] + content[:127:-1]),
    "ids of another type": changed("ids.npy", lambda content: content.replace(b"|u1", b"|i1")),
    "no ids": other("ids.npy", lambda path: None),
    "empty ids": changed("ids.npy", lambda content: b""),
    "no NumPy file": changed("ids.npy", lambda content: b"x" * len(content)),
    "a pipe for ids": other("ids.npy", os.mkfifo),
    "a folder for ids": other("ids.npy", os.mkdir),
    "ids of another text": of_another_text,
    "ids beyond the vocabulary": beyond,
    "another vocabulary": changed("vocab.json", lambda content: content.replace(b'"F"', b'"E"')),
    "a symbol less": changed("vocab.json", lambda content: content.replace(b' "F",\n', b"")),
    "lower case": changed("vocab.json", lambda content: content.replace(b"false", b"true")),
    "a vocabulary that is deep": changed("vocab.json", lambda content: b"[" * 100_000),
    "a pipe for the vocabulary": other("vocab.json", os.mkfifo),
    "no sums": other("SHA256SUMS", lambda path: None),
    "a pipe for the sums": other("SHA256SUMS", os.mkfifo),
    "other sums": changed("SHA256SUMS", lambda content: content[::-1]),
    "a folder of another user": of_another_user,
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_cache_is_made_again(tmp_path, cache, monkeypatch, name):
    """And the next reader finds the right one."""
    read_text([file_of(tmp_path, PLAY)], Reading())
    (place,) = (cache / "texts").iterdir()
    if name == "a folder of another user" and os.geteuid():
        pytest.skip("only root can give a folder away")
    DAMAGE[name](place)
    assert reread(read_text([tmp_path / "play.txt"], Reading())) == PLAY
    monkeypatch.setattr(text, "_encode_files", None)
    assert reread(read_text([tmp_path / "play.txt"], Reading())) == PLAY


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(file_of(tmp_path, "a file", "taken")))
    assert reread(read_text([file_of(tmp_path, PLAY)], Reading())) == PLAY


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_text_is_kept_where_only_its_reader_can_enter(tmp_path, cache, umask, mode):
    """A text of mode 0644 too: the folder that it lies in may be what keeps it private."""
    path, before = file_of(tmp_path, PLAY), os.umask(umask)
    path.chmod(mode)
    try:
        read_text([path], Reading())
    finally:
        os.umask(before)
    assert [stat.S_IMODE(place.stat().st_mode) for place in (cache / "texts").iterdir()] == [0o700]


def test_two_processes_may_read_one_text_at_once(tmp_path, monkeypatch):
    """The other one finishes while this one has just encoded it, and again while it is being mapped."""
    path, encode = file_of(tmp_path, PLAY), text._encode_files

    def slower(*arguments):
        found = encode(*arguments)
        monkeypatch.setattr(text, "_encode_files", encode)
        other = read_text([path], Reading())
        assert reread(other) == PLAY
        return found

    monkeypatch.setattr(text, "_encode_files", slower)
    assert reread(read_text([path], Reading())) == PLAY
    assert len(list((tmp_path / "cache" / "texts").iterdir())) == 1


def test_a_text_that_changes_while_it_is_read_is_refused(tmp_path, cache, monkeypatch):
    path, pieces = file_of(tmp_path, "hello hello"), text.pieces_of
    for other in ("hello", "hello hello hello", "other text!", "ohell ohell"):
        path.write_text("hello hello")

        def changing(files, reading, *listen, other=other):
            yield from pieces(files, reading, *listen)
            path.write_text(other)

        monkeypatch.setattr(text, "pieces_of", changing)
        with pytest.raises(InputError, match="the text changed while it was read .*play.txt.: start again"):
            read_text([path], Reading())
        assert list((cache / "texts").iterdir()) == []


def test_what_a_killed_process_left_goes_after_a_day(tmp_path, cache):
    for name, age in ((".new-old", 2 * folders.DAY), (".new-now", 0)):
        (cache / "texts" / name).mkdir(parents=True)
        then = time.time() - age
        os.utime(cache / "texts" / name, (then, then))
    read_text([file_of(tmp_path, PLAY)], Reading())
    left = {path.name for path in (cache / "texts").iterdir()}
    assert ".new-now" in left
    assert ".new-old" not in left


def test_copies_of_the_first_format_go(tmp_path, cache):
    """They were readable by all; what is not such a copy stays, and so does what a link leads to."""
    elsewhere, names = tmp_path / "elsewhere", ["0" * 32, "1" * 32, "notes", "A" * 32, "a" * 31]
    for folder in (elsewhere, *(cache / "texts" / name for name in names)):
        folder.mkdir(parents=True)
        for part in (text.IDS, text.VOCABULARY):
            (folder / part).write_text(PLAY)
    (cache / "texts" / names[1] / folders.SUMS).write_text("")
    (cache / "texts" / ("2" * 32)).symlink_to(elsewhere)
    read_text([file_of(tmp_path, PLAY)], Reading())
    left = {path.name for path in (cache / "texts").iterdir()}
    assert len(left) == 6 and left > {*names[1:], "2" * 32}
    assert len(list(elsewhere.iterdir())) == 2


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(text, "_encode_files", full)
    with pytest.raises(EnvironmentFailure, match="could not be encoded in .*texts .No space left.*LSTMZOO_CACHE"):
        read_text([file_of(tmp_path, PLAY)], Reading())


@pytest.mark.parametrize("piece", [1, 4, 1 << 23])
def test_bad_utf_8_is_named_with_its_offset(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(reading, "PIECE", piece)
    bad = file_of(tmp_path, b"caf\xc3\xa9 \xff!")
    with pytest.raises(InputError, match="byte 0xff at offset 6 .*task.errors: replace"):
        read_text([bad], Reading())
    assert reread(read_text([bad], Reading(errors="replace"))) == "café \ufffd!"
    cut = file_of(tmp_path, b"caf\xc3", "cut.txt")
    with pytest.raises(InputError, match="byte 0xc3 at offset 3 .*unexpected end"):
        read_text([cut], Reading())


@pytest.mark.parametrize(
    "content, message",
    [(b"", "received nothing: .*play.txt is empty"), (b"ab\0c", "NUL byte at offset 2: is it a text file")],
)
def test_what_is_no_text(tmp_path, cache, content, message):
    with pytest.raises(InputError, match=message):
        read_text([file_of(tmp_path, content)], Reading())
    assert list((cache / "texts").iterdir()) == []


def test_a_stranger_is_named_with_its_place(tmp_path):
    vocabulary = Vocabulary(map(ord, "abc"), "char")
    with pytest.raises(
        InputError, match=r"play.txt: expected only symbols .*received 'x' \(U\+0078\), 'é' .*first at symbol 3"
    ):
        encode_file(file_of(tmp_path, "abxaé"), Reading(), vocabulary)
    np.testing.assert_array_equal(encode_file(file_of(tmp_path, "abc"), Reading(), vocabulary), [0, 1, 2])


def test_a_prompt_that_is_no_utf_8():
    with pytest.raises(InputError, match="prompt: expected UTF-8, received the byte 0xff at offset 1"):
        Vocabulary(map(ord, "abc"), "char").encode_text(b"a\xff", "prompt")


def test_the_vocabulary_of_a_run_reads_back(tmp_path):
    for vocabulary in (Vocabulary(map(ord, PLAY), "char", lowercase=True), Vocabulary([0, 7, 255], "byte")):
        vocabulary.save(tmp_path / "vocab.json")
        assert Vocabulary.load(tmp_path / "vocab.json") == vocabulary
    good = {"unit": "char", "lowercase": False, "symbols": ["a", "b"]}
    for wrong in ({"unit": "foo"}, {"lowercase": "no"}, {"symbols": ["b", "a"]}, {"symbols": [-1]}, {"symbols": ["a", "a"]},
                  {"symbols": ["\ud800"]}, {"symbols": [0x200000]}, {"symbols": None}, {"symbols": ["ab"]}):  # fmt: skip
        (tmp_path / "vocab.json").write_text(json.dumps({**good, **wrong}))
        with pytest.raises(InputError, match="vocab.json, which cannot be read"):
            Vocabulary.load(tmp_path / "vocab.json")
    for wrong in ("{}", "[]", "no json"):
        (tmp_path / "vocab.json").write_text(wrong)
        with pytest.raises(InputError, match="vocab.json, which cannot be read"):
            Vocabulary.load(tmp_path / "vocab.json")


def test_the_standard_library_is_a_corpus():
    files = corpus_files("python-stdlib")
    found = read_text(files, Reading())
    assert len(found.ids) > 2_000_000
    assert len(found.vocabulary) < 256
    assert reread(found).startswith(files[0].read_text(encoding="utf-8"))
    assert set(CORPORA) == {"python-stdlib", "tinyshakespeare"}


class Library(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        self.send_response(200 if self.path == "/play" else 404)
        self.end_headers()
        self.wfile.write(PLAY.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def library():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Library)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_corpus_is_fetched_once_and_checked(library, cache, monkeypatch):
    digest = hashlib.sha256(PLAY.encode()).hexdigest()
    before = Library.asked
    for _ in range(2):
        assert fetch(f"{library}/play", digest, "play.txt").read_text() == PLAY
    assert Library.asked == before + 1
    monkeypatch.setattr(corpora, "SHAKESPEARE_URL", f"{library}/play")
    with pytest.raises(
        EnvironmentFailure,
        match=r"tinyshakespeare.txt could not be fetched.*put the file.*at .*cache.tinyshakespeare.txt",
    ):
        corpus_files("tinyshakespeare")
    assert not (cache / "tinyshakespeare.txt").exists()


def test_offline_the_message_says_where_to_put_the_file(cache):
    with pytest.raises(
        EnvironmentFailure,
        match=r"put the file \(SHA-256 [0-9a-f]{64}\) at .*cache.play.txt by hand, or name another text",
    ):
        fetch("http://127.0.0.1:9/play", "0" * 64, "play.txt")
