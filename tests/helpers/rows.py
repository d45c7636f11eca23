"""Rows of long tables: some are tested always, the others with `pytest -m slow` (the checks run both)."""

import pytest


def few(rows, always):
    """The rows of a table in their order, those that are not in `always` as slow tests."""
    return [row if row in always else _slow(row) for row in rows]


def _slow(row):
    return pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=pytest.mark.slow)
