"""Shared by the tests of laws that damage a run."""

import shutil

import pytest


@pytest.fixture
def copy(whole, tmp_path):
    """Of the undisturbed run of the file's own fixture `whole`, to damage or forge."""
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"
