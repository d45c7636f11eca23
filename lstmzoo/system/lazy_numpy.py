"""NumPy for modules that a command reads before it computes: a mistake in a config is answered without it."""

from importlib import import_module
from typing import Any


class _Lazy:
    """Stands for a module, which is imported when the first of its names is asked for."""

    def __init__(self, module: str):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._module), name)
        setattr(self, name, found)
        return found


np = _Lazy("numpy")
