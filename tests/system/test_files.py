"""Scratch directories: nothing of them is left, whenever a signal comes."""

import signal
from pathlib import Path

import pytest

from lstmzoo.errors import Interrupted
from lstmzoo.system.files import scratch
from lstmzoo.system.signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_a_scratch_directory_is_made_leaves_none(tmp_path, monkeypatch, number):
    made = Path.mkdir

    def stopped(self, *options):
        made(self, *options)
        signal.raise_signal(number)

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(Interrupted), StopSignals(may_leave=True), scratch(".export.", tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_signal_before_the_block_is_entered_leaves_none(tmp_path):
    """The directory is there, and nobody is in charge of it but the command that ends."""
    with pytest.raises(Interrupted), StopSignals(may_leave=True):
        held = scratch(".export.", tmp_path)
        held.__enter__()
        signal.raise_signal(signal.SIGINT)
    assert not list(tmp_path.iterdir())
