"""Packages that are not installed: one line that names them and says how to install them."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lstmzoo.errors import InputError


def load_extra(module: str, extra: str) -> Any:
    """Import and return a module of an extra; raise `InputError` with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"{extra}: expected {module.split('.')[0]} to be installed, received none ({error}): "
            f"python -m pip install 'lstmzoo[{extra}]'"
        ) from error


DISTRIBUTIONS = {
    "tensorflow": "tensorflow tf-keras",
    "tf_keras": "tf-keras",
    "keras_tuner": "'keras-tuner[bayesian]'",
    "grpc": "grpcio",
    **{name: name for name in ("matplotlib", "tensorboard", "h5py", "pooch", "packaging", "filelock")},
}  # packages to install, for each module that only some commands need


def require_module(module: str) -> None:
    """Raise `ModuleNotFoundError` if a module is not installed, as its import would, without importing it."""
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
