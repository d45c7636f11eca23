"""The examples in docstrings (`>>>`) give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import lstmzoo

PACKAGE = Path(lstmzoo.__file__).parent
WITH_EXAMPLES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text())


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_true(path):
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    failed, tried = doctest.testmod(import_module(name))
    assert tried > 0 and failed == 0, name
