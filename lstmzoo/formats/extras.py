"""Packages that a format needs and that lstmzoo does not bring."""

from importlib import import_module
from typing import Any

from lstmzoo.errors import InputError


def load_extra(module: str, extra: str) -> Any:
    """Import a module of an extra; `InputError` with the line that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"{extra}: expected {module.split('.')[0]} to be installed, received none ({error}): "
            f"python -m pip install 'lstmzoo[{extra}]'"
        ) from error
