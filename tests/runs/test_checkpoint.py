"""One-file checkpoints: everything comes back, damage is found, a half-written one never has the name."""

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
