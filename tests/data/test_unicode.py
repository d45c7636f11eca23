"""Encodings, the mark before a text and normal forms: in texts, files to score and prompts, and in runs from before."""

import json
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import lstmzoo
from lstmzoo.data import reading
from lstmzoo.data.normal_forms import composed
from lstmzoo.data.reading import Reading
from lstmzoo.data.text import encode_file, read_text
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.sampling import SampleRequest, write
from lstmzoo.schema.yaml_reader import parse_yaml
from lstmzoo.training.start import begin, claim

PLAY = "Äpfel, naïve café über 가각 Ångström.\n" * 3
NFC, NFD = (unicodedata.normalize(form, PLAY) for form in ("NFC", "NFD"))
MARK = "\ufeff"
RUN = {"model": {"units": 4}, "train": {"steps": 2, "batch_size": 2, "seq_length": 4}, "validate": {"every_steps": 0}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))


def file_of(tmp_path, content, name="play.txt"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / name


def reread(found):
    return found.vocabulary.decode(found.ids).decode()


def vocabulary_of(text, **settings):
    return Vocabulary(map(ord, set(text)), "char", **settings)


def spelt(vocabulary, text):
    return vocabulary.decode(vocabulary.encode_text(text, "prompt")).decode()


OTHERS = [
    (codec, mark, name)
    for codec, name in (
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
    )
    for mark in ("\ufeff", "")
]


@pytest.mark.parametrize(("codec", "mark", "name"), OTHERS)
def test_other_encodings_are_named_with_the_cure(tmp_path, codec, mark, name):
    content = (mark + "a text, as Windows writes it\r\n").encode(codec)
    path = file_of(tmp_path, content)
    cure = f"(expected UTF-8, received|it is probably|expected UTF-8, received text that is probably) {name}(LE|BE)?: save it as UTF-8 .iconv -f {name}(LE|BE)? -t UTF-8 FILE > NEW"
    for errors in ("strict", "replace"):
        with pytest.raises(InputError, match=cure):
            read_text([path], Reading(errors=errors))
    with pytest.raises(InputError, match=cure):
        encode_file(path, Reading(), vocabulary_of("a text"))
    for known in (vocabulary_of("a text"), vocabulary_of("a text", normalize="NFC")):
        with pytest.raises(InputError, match=f"^prompt: {cure}"):
            known.encode_text(content, "prompt")
    assert len(read_text([path], Reading(unit="byte")).ids) == len(content)
    if mark:
        assert f"received text in {name}: save it as UTF-8" in parse_yaml(content).problems[0].text


@pytest.mark.parametrize(
    "content", [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0", b"abc\0def", b"\0", b"PK\x03\x04\x14\0\0\0\x08\0"]
)
def test_what_is_no_text_at_all_is_not_taken_for_another_encoding(tmp_path, content):
    with pytest.raises(InputError, match="prompt: expected only symbols that the model knows"):
        vocabulary_of("abc").encode_text(content, "prompt")
    assert len(Vocabulary(range(256), "byte").encode_text(content, "prompt")) == len(content)
    assert len(vocabulary_of("a text\0").encode_text("a text".encode("utf-16-le"), "prompt")) == 12
    with pytest.raises(InputError, match="a NUL byte at offset"):
        read_text([file_of(tmp_path, content)], Reading())


@pytest.mark.parametrize("piece", [1, 2, 5, 1 << 23])
def test_the_mark_before_a_text_is_no_symbol_of_it(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(reading, "PIECE", piece)
    files = [file_of(tmp_path, MARK + text, name) for name, text in (("a", "one\r\n"), ("b", "two"))]
    found = read_text(files, Reading())
    assert reread(found) == "one\r\ntwo"
    assert found.facts()["vocab_size"] == len(set("one\r\ntwo"))
    assert found.vocabulary.decode(encode_file(files[0], Reading(), found.vocabulary)).decode() == "one\r\n"
    for prompt in (MARK + "one", (MARK + "one").encode()):
        assert spelt(found.vocabulary, prompt) == "one"


def test_a_text_of_bytes_keeps_it(tmp_path):
    content = (MARK + "one").encode()
    found = read_text([file_of(tmp_path, content)], Reading(unit="byte"))
    assert found.vocabulary.decode(found.ids) == content
    assert found.vocabulary.decode(found.vocabulary.encode_text(content, "prompt")) == content


def test_where_it_is_a_symbol_anyway_it_stays_one(tmp_path):
    path = file_of(tmp_path, f"{MARK}one{MARK}two")
    found = read_text([path], Reading())
    assert reread(found) == f"{MARK}one{MARK}two"
    assert len(encode_file(path, Reading(), found.vocabulary)) == 8
    assert spelt(found.vocabulary, MARK + "one") == MARK + "one"
    with pytest.raises(InputError, match="received nothing"):
        read_text([file_of(tmp_path, MARK, "empty")], Reading())


@pytest.mark.parametrize("known", ["", MARK])
def test_a_run_that_has_learnt_it_goes_on_with_it(tmp_path, known):
    path = file_of(tmp_path, MARK + "one two three four five six")
    experiment = config(tmp_path, {"text": str(path)})
    with claim(experiment, tmp_path / "run", resume=False) as directory:
        vocabulary_of(known + "onetwhrfuivsx ").save(directory.path / "vocab.json")
        task = begin(directory, experiment).plan.task
    assert task.vocabulary.decode(task.text.ids).decode().startswith(known + "one")


def test_it_is_not_written_before_a_sample():
    request = SampleRequest(MARK + "one", 0, Choice(), 0, 1, None)

    class Trained:
        vocabulary = vocabulary_of("one")

    assert [text for _, text in write(Trained, request, None)] == [b"one"]


def config(tmp_path, task):
    (tmp_path / "run.yaml").write_text(json.dumps({"task": {"kind": "char", **task}, **RUN}))
    return lstmzoo.load_config(tmp_path / "run.yaml")


@pytest.mark.parametrize(
    ("text", "prompt", "form", "names"),
    [
        (NFD, "caf\u00e9", "NFD", r"'e' .U\+0065. \+ .* .U\+0301. there"),
        (NFC, "cafe\u0301", "NFC", r"'\u00e9' .U\+00E9. there"),
        (NFD, "na\u00efve", "NFD", r"U\+0308"),
        (NFC, "\u1100\u1161", "NFC", r"'\uac00' .U\+AC00. there"),
        (NFD, "\uac01", "NFD", r"U\+1100. .*U\+1161. .*U\+11A8"),
        (NFC, "\u212bngstr\u00f6m", "NFC", r"U\+00C5"),
    ],
)  # fmt: skip
def test_the_other_normal_form_is_named(tmp_path, text, prompt, form, names):
    found = read_text([file_of(tmp_path, text)], Reading())
    with pytest.raises(
        InputError, match=f"the run's text writes .*{names}.*: convert it to {form}, or train with task.normalize"
    ):
        found.vocabulary.encode_text(prompt, "prompt")
    with pytest.raises(InputError, match=f"convert it to {form}"):
        encode_file(file_of(tmp_path, prompt, "other"), Reading(), found.vocabulary)
    with pytest.raises(InputError, match="first at symbol 1: remove or replace them"):
        found.vocabulary.encode_text("€", "prompt")


@pytest.mark.parametrize("text", [NFC, NFD, MARK + NFD])
def test_normalize_reads_both_forms_as_one(tmp_path, text):
    how = config(tmp_path, {"text": str(file_of(tmp_path, text)), "normalize": "NFC"}).task.reading()
    found = read_text([tmp_path / "play.txt"], how)
    assert reread(found) == NFC
    assert found.vocabulary.as_json()["normalize"] == "NFC"
    for prompt in (NFC, NFD, NFD.encode()):
        assert spelt(found.vocabulary, prompt) == NFC
    assert found.vocabulary.decode(encode_file(file_of(tmp_path, NFD, "x"), how, found.vocabulary)).decode() == NFC
    found.vocabulary.save(tmp_path / "vocab.json")
    assert Vocabulary.load(tmp_path / "vocab.json") == found.vocabulary


def test_without_it_texts_and_vocabularies_are_as_before(tmp_path):
    assert reread(read_text([file_of(tmp_path, NFD)], Reading())) == NFD
    assert "normalize" not in vocabulary_of("ab").as_json()  # its digest stands in checkpoints
    assert vocabulary_of("ab") != vocabulary_of("ab", normalize="NFC")


def test_normalize_is_for_characters(tmp_path):
    file_of(tmp_path, PLAY)
    with pytest.raises(ConfigError, match="task.normalize: expected null with unit byte, received 'NFC'"):
        config(tmp_path, {"text": "play.txt", "normalize": "NFC", "unit": "byte"})
    with pytest.raises(ConfigError, match="task.normalize: expected NFC, received 'NFD'"):
        config(tmp_path, {"text": "play.txt", "normalize": "NFD"})


ACCENTS = "ae\u0301\u0308\u0323\u00e9\u1e69\uac00\u1100\u1161\u11a8\u3042\u3099\u4e2d\u09c7\u09be\u0300 \u2126"


@settings(max_examples=200, deadline=None)
@given(st.text(ACCENTS, max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_pieces_are_composed_as_the_whole(text, cuts):
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [np.array([ord(char) for char in text[a:b]], np.uint32) for a, b in pairwise(edges)]
    assert "".join(chr(code) for piece in composed(pieces) for code in piece) == unicodedata.normalize("NFC", text)
