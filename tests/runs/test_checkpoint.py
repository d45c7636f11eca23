"""One-file checkpoints: everything comes back, damage is found, a half-written one never has the name."""

import hashlib
import json
import struct

import numpy as np
import pytest

from lstmzoo.config.experiment import CheckpointSpec
from lstmzoo.errors import InputError
from lstmzoo.runs.checkpoint import NAME, checkpoint_steps, load_checkpoint, prune_checkpoints, save_checkpoint
from lstmzoo.system.files import write_atomically

TENSORS = {
    "a": np.arange(12, dtype=np.float32).reshape(3, 4),
    "turned": np.arange(12, dtype=np.float32).reshape(3, 4).T,
    "strided": np.arange(24, dtype=np.int64)[::2],
    "number": np.array(7, np.int64),
    "double": np.array(0.1),
    "empty": np.zeros((0, 3), np.float32),
}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / NAME.format(500)
    save_checkpoint(path, TENSORS, {"train_seconds": "1.5"})
    return path


def test_everything_comes_back(saved):
    tensors, metadata = load_checkpoint(saved)
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], value)
        assert tensors[name].dtype == value.dtype
        assert tensors[name].shape == value.shape
    assert metadata["train_seconds"] == "1.5"
    assert len(metadata["sha256"]) == 64


def test_it_is_a_plain_safetensors_file(saved):
    from safetensors.numpy import load_file

    np.testing.assert_array_equal(load_file(saved)["turned"], TENSORS["turned"])


def test_every_kind_of_damage_is_found(saved):
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[: int(n)] for n in rng.integers(0, len(whole), 50)] + [whole + b"x"]
    for place in rng.integers(0, len(whole), 200):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(flipped))
    for content in damaged:
        saved.write_bytes(content)
        with pytest.raises(
            InputError, match=r"step-00000500.safetensors: expected a whole checkpoint, received a damaged"
        ):
            load_checkpoint(saved)


def sealed(header, data):
    """A file with any header, whose digest is right."""
    text = json.dumps(header, separators=(",", ":")).encode() if isinstance(header, (dict, list)) else header
    content = struct.pack("<Q", len(text)) + text + data
    digest = hashlib.sha256(content).hexdigest()
    return content.replace(b"0" * 64, digest.encode(), 1)


NOTES = {"sha256": "0" * 64}
EIGHT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HEADERS = {  # each with eight bytes of data
    "gap": {"a": {**EIGHT, "shape": [1], "data_offsets": [4, 8]}},
    "overlap": {"a": EIGHT, "b": {**EIGHT, "shape": [1], "data_offsets": [4, 8]}},
    "twice the same bytes": {"a": EIGHT, "b": EIGHT},
    "behind the end": {"a": EIGHT, "b": {**EIGHT, "data_offsets": [8, 16]}},
    "too few bytes": {"a": {**EIGHT, "shape": [1], "data_offsets": [0, 4]}},
    "another shape": {"a": {**EIGHT, "shape": [3]}},
    "negative shape": {"a": {**EIGHT, "shape": [-2, -1]}},
    "shape of a terabyte": {"a": {**EIGHT, "shape": [2**38]}},
    "shape beyond all": {"a": EIGHT, "b": {**EIGHT, "shape": [0, 2**70], "data_offsets": [8, 8]}},
    "shape of many": {"a": EIGHT, "b": {**EIGHT, "shape": [0] * 100, "data_offsets": [8, 8]}},
    "fractions": {"a": {**EIGHT, "shape": [2.0]}},
    "truth": {"a": {**EIGHT, "data_offsets": [False, 8]}, "b": 1},
    "three offsets": {"a": {**EIGHT, "data_offsets": [0, 8, 8]}},
    "text as offsets": {"a": {**EIGHT, "data_offsets": "08"}},
    "no offsets": {"a": {"dtype": "F32", "shape": [2]}},
    "no tensor": {"a": None},
    "bfloat16": {"a": {**EIGHT, "dtype": "BF16", "shape": [4]}},
    "an unknown type": {"a": {**EIGHT, "dtype": "EVIL"}},
    "a type that is none": {"a": {**EIGHT, "dtype": ["F32"]}},
}
RAW = {
    "no metadata": {"a": EIGHT, "sha256": "0" * 64},
    "metadata of another kind": {"__metadata__": [NOTES], "a": EIGHT},
    "no mapping": [{"__metadata__": NOTES}],
    "no JSON": b'{"sha256":"' + b"0" * 64 + b'"',
    "no UTF-8": b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'","a":"\xff"}}',
    "deep": b'{"sha256":"' + b"0" * 64 + b'","a":' + b"[" * 100_000,
    "a long number": b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'"},"a":' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("name", [*HEADERS, *RAW])
def test_behind_a_right_digest_no_header_does_harm(tmp_path, name):
    header = {"__metadata__": NOTES, **HEADERS[name]} if name in HEADERS else RAW[name]
    (tmp_path / "a").write_bytes(sealed(header, bytes(8)))
    with pytest.raises(InputError, match="a: expected a whole checkpoint, received a damaged file"):
        load_checkpoint(tmp_path / "a")


def test_the_forger_of_headers_forges(tmp_path):
    """With a right header the same file is whole, so each row of the table is refused for what it says."""
    (tmp_path / "a").write_bytes(sealed({"__metadata__": NOTES, "a": EIGHT}, np.float32([1, 2]).tobytes()))
    np.testing.assert_array_equal(load_checkpoint(tmp_path / "a").tensors["a"], [1, 2])


def test_parts_alone_are_read_and_the_whole_is_looked_at(saved):
    assert load_checkpoint(saved, ("a", "d")).tensors.keys() == {"a", "double"}
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(InputError, match="a damaged file"):
        load_checkpoint(saved, ("a",))


def test_the_last_ones_and_the_best_stay(tmp_path):
    for step in (100, 200, 300, 400):
        save_checkpoint(tmp_path / NAME.format(step), TENSORS, {})
    prune_checkpoints(tmp_path, CheckpointSpec(keep=1), last=300, best=200)
    assert checkpoint_steps(tmp_path) == [200, 300, 400]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
