"""Values in the cells of a table."""

from typing import Any

import yaml


def plain(value: Any) -> str:
    """A value in one cell, with all its digits, as YAML has it."""
    if isinstance(value, str):
        return value
    return str(yaml.safe_dump(value, default_flow_style=True, width=10_000)).removesuffix("\n").removesuffix("\n...")


def short(value: Any) -> str:
    """A value for a table: numbers to four digits."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else plain(value)
