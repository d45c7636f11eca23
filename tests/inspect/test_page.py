"""The page as a file: what is inside, against the arrays; its size; what it allows; and bad input."""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import lstmzoo
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import probabilities
from lstmzoo.inference.numpy_runner import load
from lstmzoo.inspect import page, subject, survey
from lstmzoo.inspect.__main__ import inspect
from lstmzoo.runs.checkpoint import save_checkpoint
from lstmzoo.runs.trained import open_run
from lstmzoo.system.command_line import exit_status
from tests.helpers.series_runs import write_run
from tests.helpers.text_runs import write_text_run

TEXT = "if x:\n    print('no', [1, 2])  # </script>\n" * 5
KINDS = {"i1": np.int8, "i2": np.int16, "u2": np.uint16, "f2": np.float16, "f4": np.float32}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_text_run(tmp_path_factory.mktemp("char") / "run", TEXT)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "page.html"


def read(out):
    """The header and the blocks of a page."""
    text = out.read_text()
    header = json.loads(re.search(r'id="header">(.*?)</script>', text)[1])
    found = {}
    for name, (kind, *shape) in header["blocks"].items():
        pieces = re.findall(rf'data-block="{name}">(.*?)</script>', text)
        content = b"".join(zlib.decompress(base64.b64decode(piece)) for piece in pieces)
        found[name] = np.frombuffer(content, KINDS[kind]).reshape(shape)
    return header, found


def test_what_is_inside_is_what_the_arrays_say(run, out):
    assert lstmzoo.inspect_model(run, TEXT, out=out) == out
    header, blocks = read(out)
    wanted = lstmzoo.activations(run, TEXT)
    assert (header["steps"], header["layers"], header["notes"]) == (len(TEXT), [9, 7], [])
    for layer in range(2):
        np.testing.assert_allclose(blocks[f"h{layer}"].T / 127, wanted[f"h{layer}"], atol=0.5 / 127 + 1e-6)
        for quantity in "hc":
            known = np.array([[symbol == "\n" for symbol in TEXT]])
            r = np.corrcoef(known, wanted[f"{quantity}{layer}"].T)[0, 1:]
            np.testing.assert_allclose(blocks[f"r_{quantity}{layer}"][4], r, atol=1e-5)
    np.testing.assert_allclose(blocks["surprise"][1:] / 1000, wanted["surprise"][1:], atol=2e-3)
    logits, _ = load(run)(blocks["ids"][None].astype(np.int32), load(run).signature.zero_states(1))
    shares = probabilities(logits[0], Choice(1.0))
    np.testing.assert_allclose(blocks["shares"] / 65535, -np.sort(-shares)[:, :5], atol=1e-5)
    np.testing.assert_allclose(
        np.take_along_axis(shares, blocks["top"].astype(int), 1), blocks["shares"] / 65535, atol=1e-5
    )
    flat = np.concatenate([array.ravel() for array in load(run).weights.in_order()])
    assert np.array_equal(blocks["weights"], flat)
    assert blocks["saturation1"][5].tolist() == pytest.approx((wanted["o1"] > 0.9).mean(0).tolist())


def test_only_its_own_style_and_program_are_allowed(run, out):
    lstmzoo.inspect_model(run, TEXT, out=out)
    text = out.read_text()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        content = re.search(rf"<{tag}>(.*?)</{tag}>", text, flags=re.S)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    links = re.findall(r"(?:src|href)=\"?(.*?)[\" >]", text)
    assert links and all(link.startswith("https://arxiv.org/abs/") for link in links)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|innerHTML|eval\(|style=", text)


def test_the_best_cells_are_named_and_none_where_there_is_none(run, out):
    lstmzoo.inspect_model(run, TEXT, out=out)
    header, blocks = read(out)
    for number, feature in enumerate(header["features"]):
        found = np.concatenate([np.abs(blocks[name][number]) for name in ("r_h0", "r_c0", "r_h1", "r_c1")])
        layer, unit, quantity, r = feature["best"][0]
        assert abs(r) == pytest.approx(found.max(), abs=1e-4)
        assert blocks[f"r_{quantity}{layer}"][number, unit] == pytest.approx(r, abs=1e-4)
        assert feature["tells"] == (found.max() >= 0.5)
    capitals = header["features"][-1]
    assert (capitals["varies"], capitals["tells"]) == (False, False)


def test_a_text_of_its_own(run, out):
    lstmzoo.inspect_model(run, out=out, length=40)
    header, blocks = read(out)
    written = lstmzoo.sample_text(run, length=40)
    assert "".join(header["symbols"]["symbols"][k] for k in blocks["ids"]) == written
    assert header["notes"] == ["The model wrote this text itself (temperature 1); name a text to see that one."]


def test_a_longer_text_is_cut_with_a_note(run, tmp_path, out, monkeypatch):
    (tmp_path / "long.txt").write_text(TEXT)
    lstmzoo.inspect_model(run, tmp_path / "long.txt", out=out, length=20)
    header, blocks = read(out)
    assert len(blocks["ids"]) == 20
    assert header["notes"] == [
        f"The first 20 of {len(TEXT)} symbols (--length {len(TEXT)} shows all, in a larger file)."
    ]
    monkeypatch.setattr(subject, "HIDDEN", 160)
    lstmzoo.inspect_model(run, TEXT, out=out)
    assert read(out)[0]["notes"] == [f"The first 10 of {len(TEXT)} symbols (a page shows 10 at most)."]
    with pytest.raises(InputError, match="length: expected an integer from 2 to 10, received 11"):
        lstmzoo.inspect_model(run, TEXT, out=out, length=11)


def test_weights_that_do_not_fit_are_left_out_and_32_cells_stored(run, out, monkeypatch):
    monkeypatch.setattr(page, "WEIGHTS", 100)
    monkeypatch.setattr(survey, "NAMED", 5)
    lstmzoo.inspect_model(run, TEXT, out=out)
    header, blocks = read(out)
    assert header["model"] is None and "weights" not in blocks
    assert len(header["named"]) == 5
    wanted = lstmzoo.activations(run, TEXT)
    for place, (layer, unit) in enumerate(header["named"]):
        for row, quantity in enumerate("cifgo"):
            scale = blocks["largest"][place] if quantity == "c" else 1
            found = blocks["stored"][place, row] / 127 * scale
            np.testing.assert_allclose(found, wanted[f"{quantity}{layer}"][:, unit], atol=0.5 / 127 * scale + 1e-6)


@pytest.mark.parametrize(("limit", "kind"), [(None, np.float32), (4000, np.float16), (10, None)])
def test_weights_are_exact_where_they_fit(run, limit, kind, monkeypatch):
    blueprint = open_run(run).blueprint()
    monkeypatch.setattr(page, "WEIGHTS", limit or page.WEIGHTS)
    found = page.packed_weights(blueprint)
    assert (found is None) == (kind is None)
    assert found is None or found.dtype == kind
    lstmzoo.inspect_model(run, TEXT, out=run.parent / "weights.html")
    assert [note[:27] for note in read(run.parent / "weights.html")[0]["notes"]] == (
        ["The weights inside are roun"] if kind == np.float16 else []
    )


@pytest.fixture
def table(tmp_path):
    rows = np.random.default_rng(0).normal(5, 3, (40, 2)).round(3)
    (tmp_path / "table.csv").write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in rows))
    return tmp_path / "table.csv", rows


def test_outputs_that_are_not_finite_are_refused(tmp_path, out):
    run = write_text_run(tmp_path / "run", "ab", {"kind": "single", "units": 40})
    path = next((run / "checkpoints").iterdir())
    found, metadata = load_file(path), {"vocab_sha256": open_run(run).vocabulary.digest()}
    save_checkpoint(path, {**found, "weights/003": np.full_like(found["weights/003"], 3e38)}, metadata)
    with pytest.raises(InputError, match="model: expected finite outputs, received others in steps 1 to 20"):
        lstmzoo.inspect_model(run, "ab" * 10, out=out)
    assert not out.exists()


def failed(*words, **options):
    return exit_status(lambda: inspect(*words, **options))


def test_bad_input_is_one_message_and_nothing_is_written(run, tmp_path, out, capsys, table):
    (tmp_path / "text.txt").write_text("Zorn")
    series, here = write_run(tmp_path / "run", ["a"]), {"out": out, "length": None}
    for words, options, message in (
        ((run, tmp_path / "text.txt"), {}, "received 'Z' (U+005A)"),
        ((run, tmp_path / "nothing.txt"), {}, "which is not there"),
        ((tmp_path, None), {}, "expected a run directory"),
        ((run, None), {"length": 1}, "length: expected an integer from 2 to"),
        ((run, None), {"out": tmp_path}, "--out: expected a file to write, received a directory"),
        ((run, None), {"out": tmp_path / "no" / "page.html"}, "received a path in a directory that is not there"),
        ((series, tmp_path / "text.txt"), {}, "text.txt"),
        ((series, None), {}, "trained.csv"),
        (("zoo:echo_4", table[0]), {}, "expected a run of a series task, received 'zoo:echo_4'"),
    ):
        before = sorted(tmp_path.rglob("*"))
        assert failed(*words, **{**here, **options}) == 2, message
        said = capsys.readouterr().err
        assert message in said and said.count("\n") == 1, said
        assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(InputError, match="text: expected the path of a table, or none, received '1,2'"):
        lstmzoo.inspect_model(series, "1,2", out=out)
    with pytest.raises(
        InputError, match=r"text: expected a text, bytes, the Path of a file, or None, received \[1, 2\]"
    ):
        lstmzoo.inspect_model(run, [1, 2], out=out)


def test_a_page_replaces_a_page_and_nothing_else(run, out, tmp_path):
    out.touch()  # as mktemp makes a file
    before = lstmzoo.inspect_model(run, TEXT, out=out).read_bytes()
    assert lstmzoo.inspect_model(run, TEXT[:20], out=out).read_bytes() != before
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"received one of another kind that is there .*: name one such as page.html"):
        lstmzoo.inspect_model(run, TEXT, out=tmp_path / "notes.md")
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_a_full_disk_is_no_fault_of_the_user(run, out, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "write_atomically", full)
    with pytest.raises(EnvironmentFailure, match="No space left on device; nothing was written: make room"):
        lstmzoo.inspect_model(run, TEXT, out=out)


@pytest.mark.slow
@pytest.mark.parametrize(("units", "most"), [(128, 4_000_000), (256, 8_000_000)])
def test_ten_thousand_symbols_take_as_little_as_promised(tmp_path, out, units, most):
    """With weights that nobody has trained, and a text without any order; the weights themselves come on top."""
    symbols = "".join(map(chr, range(32, 128)))
    run = write_text_run(tmp_path / "run", symbols, {"kind": "stacked_layers", "units": [units, units]})
    text = "".join(np.random.default_rng(0).choice([*symbols], 10_000))
    lstmzoo.inspect_model(run, text, out=out)
    weights = sum(map(len, re.findall(r'data-block="weights">(.*?)<', Path(out).read_text())))
    assert out.stat().st_size - weights <= most
