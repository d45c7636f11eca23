"""Registry of named architectures. No TensorFlow."""

import fnmatch
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lstmzoo.errors import InputError, did_you_mean, shown
from lstmzoo.models.spec import ModelSpec, spec_of
from lstmzoo.system.plugins import each_plugin

HALLSTROM = "Hallstrom 2016, LSTM API in TensorFlow (3/7)"
HALLSTROM_DEEP = "Hallstrom 2016, the multi-layered LSTM API (4/7)"
NOTEBOOK = "the notebook LSTM Basics: two stacked cells"
KARPATHY = "Karpathy 2015, char-rnn"
KARPATHY_SIZES = "Karpathy, Johnson & Li 2015, Visualizing and Understanding Recurrent Networks"
JOSE = "Jose 2019, LSTM in TensorFlow"
FEATHER = "Atkinson, Neural Amp Modeler: its LSTM called feather"


class NamedModel(NamedTuple):
    """A named architecture of the zoo."""

    spec: ModelSpec
    source: str
    """The publication or program that the architecture comes from."""
    task: str
    """The kind of task it is for: its parameters are counted with that task's input and classes."""


_REGISTRY: dict[str, NamedModel] = {}
_LOADED: list[str] = []


def register_model(
    name: str,
    model: Mapping[str, Any] | ModelSpec | None = None,
    *,
    source: str = "",
    task: str = "char",
    **description: Any,
) -> ModelSpec:
    """Give an architecture a name: `register_model("tiny", kind="single", units=2)`.

    `source` says where it comes from; `python -m lstmzoo.zoo` shows it. `task` is the kind of task it is for, whose
    input and classes the parameters are counted with. Returns the description. Raises `InputError` for a name that is
    taken, and for a bad description.
    """
    return _enter(name, model, source, task, description)


def list_models(pattern: str = "*") -> list[str]:
    """List the names of the zoo that match a shell pattern such as `char_*`, sorted."""
    return sorted(fnmatch.filter(registered(), pattern))


def get_model(name: str) -> ModelSpec:
    """Return the description of a named model; raise `InputError` with near names for an unknown one."""
    return get_entry(name).spec


def get_entry(name: str) -> NamedModel:
    """Return description, source and task of a named model; raise `InputError` with near names for an unknown one."""
    if name not in registered():
        raise InputError(
            f"expected a model of the zoo, received {shown(name)}{did_you_mean(name, _REGISTRY)} "
            "(python -m lstmzoo.zoo lists them)"
        )
    return _REGISTRY[name]


def registered() -> Mapping[str, NamedModel]:
    """Return all named models by name, with those that other packages have added."""
    _load_plugins()
    return _REGISTRY


def _load_plugins() -> None:
    """Load the plug-ins once; a plug-in that reads the registry meanwhile sees the models registered so far."""
    if not _LOADED:
        _LOADED.append("lstmzoo.models")
        each_plugin("lstmzoo.models", _enter_plugin)


def _enter_plugin(name: str, found: Any) -> None:
    found = found() if callable(found) else found
    if isinstance(found, ModelSpec):
        found = {"model": found}
    if not isinstance(found, Mapping):
        raise InputError(f"expected a mapping, a ModelSpec or a function that returns one, received {found!r:.60}")
    given = dict(found)
    _enter(name, given.pop("model", None), given.pop("source", ""), given.pop("task", "char"), given)


def _enter(
    name: str, model: Mapping[str, Any] | ModelSpec | None, source: str, task: str, description: Mapping[str, Any]
) -> ModelSpec:
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        raise InputError(f"expected a model name of letters, digits, '_', '-' and '.', received {shown(name)}")
    if name in _REGISTRY:
        raise InputError(f"expected a new model name, received {shown(name)}, which is taken: choose another one")
    if any(not isinstance(text, str) or not text.isprintable() for text in (source, task)):
        raise InputError(f"source and task: expected a line of text each, received {source!r:.60} and {task!r:.60}")
    given = model.model_dump(exclude_unset=True) if isinstance(model, ModelSpec) else (model or {})
    spec = spec_of({**given, **description})
    _REGISTRY[name] = NamedModel(spec, source, task)
    return spec


def _enter_our_own() -> None:
    _enter("echo_4", None, HALLSTROM, "echo", {"kind": "single", "units": 4})
    _enter("echo_4_5_cells", None, NOTEBOOK, "echo", {"kind": "stacked_cells", "units": [4, 5]})
    _enter_both("echo_3x4", HALLSTROM_DEEP, "echo", depth=3, units=4)
    _enter("char_1x128", None, KARPATHY_SIZES, "char", {"kind": "single", "units": 128})
    _enter("char_jose_500", None, JOSE, "char", {"kind": "single", "units": 500})
    for depth, units in ((2, 128), (2, 256), (3, 256), (2, 512), (3, 512)):
        source = KARPATHY if (depth, units) == (2, 128) else KARPATHY_SIZES
        _enter_both(f"char_{depth}x{units}", source, "char", depth=depth, units=units)
    _enter_both("series_1x16", FEATHER, "series", depth=1, units=16)
    _enter_both("series_2x32", "", "series", depth=2, units=32)


def _enter_both(name: str, source: str, task: str, depth: int, units: int) -> None:
    """Register a model of layers, and one of StackedRNNCells (`NAME_cells`), which computes the same."""
    sizes = {"units": units, "depth": depth}
    _enter(name, None, source, task, {"kind": "single" if depth == 1 else "stacked_layers", **sizes})
    _enter(f"{name}_cells", None, source, task, {"kind": "stacked_cells", **sizes})


_enter_our_own()
