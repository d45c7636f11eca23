"""NumPy, imported at its first use: commands report mistakes in a config without it, and so in less time."""

from importlib import import_module
from typing import Any


class _Lazy:
    """A stand-in for a module, which is imported when one of its names is first used."""

    def __init__(self, module: str):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._module), name)
        setattr(self, name, found)
        return found


np = _Lazy("numpy")
