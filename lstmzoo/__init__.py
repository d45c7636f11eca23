"""lstmzoo: configurable stacked LSTMs for Keras 2, with their state carried, kept and exported.

The names below are the whole public API. Each is imported when it is first used, so that what does not compute starts
without TensorFlow. The packages, from the ground up: `system`, `schema`, `data`, `models`, `tasks`, `execution`,
`convert`, `zoo`, `config`, `runs`, `export`, `report`, `inference`, `inspect`, `training`, `sweep`, `doctor`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lstmzoo.system.version import VERSION

if TYPE_CHECKING:  # the same names for type checkers; a test compares the two
    from lstmzoo.config.load import load_config as load_config
    from lstmzoo.convert.keras import from_keras as from_keras
    from lstmzoo.convert.tf1 import from_tf1 as from_tf1
    from lstmzoo.convert.torch import from_torch as from_torch, to_torch as to_torch
    from lstmzoo.data.keras_dataset import windows as windows
    from lstmzoo.errors import (
        ConfigError as ConfigError,
        Diverged as Diverged,
        EnvironmentFailure as EnvironmentFailure,
        InputError as InputError,
        Interrupted as Interrupted,
    )
    from lstmzoo.execution.engine import train_windows as train_windows
    from lstmzoo.export.write import export_model as export_model
    from lstmzoo.inference.predicting import predict_series as predict_series
    from lstmzoo.inference.sampling import sample_text as sample_text
    from lstmzoo.inference.scoring import score_text as score_text
    from lstmzoo.inference.streaming import stream as stream
    from lstmzoo.inspect.page import inspect_model as inspect_model
    from lstmzoo.inspect.probe import activations as activations
    from lstmzoo.models.build import build_model as build_model
    from lstmzoo.models.callbacks import ResetStates as ResetStates
    from lstmzoo.models.rebuild import as_kind as as_kind, rebatch as rebatch
    from lstmzoo.models.registry import (
        get_model as get_model,
        list_models as list_models,
        register_model as register_model,
    )
    from lstmzoo.models.spec import ModelSpec as ModelSpec
    from lstmzoo.models.state import get_states as get_states, reset_states as reset_states, set_states as set_states
    from lstmzoo.report.write import write_report as write_report
    from lstmzoo.runs.trained import load_model as load_model
    from lstmzoo.sweep.run import run_sweep as run_sweep
    from lstmzoo.training.run import train_run as train_run
    from lstmzoo.zoo.pretrained import list_trained as list_trained

__version__ = VERSION
_ROOMS = {
    "config.load": ["load_config"],
    "convert.keras": ["from_keras"],
    "convert.tf1": ["from_tf1"],
    "convert.torch": ["from_torch", "to_torch"],
    "data.keras_dataset": ["windows"],
    "errors": ["ConfigError", "Diverged", "EnvironmentFailure", "InputError", "Interrupted"],
    "execution.engine": ["train_windows"],
    "export.write": ["export_model"],
    "inference.predicting": ["predict_series"],
    "inference.sampling": ["sample_text"],
    "inference.scoring": ["score_text"],
    "inference.streaming": ["stream"],
    "inspect.page": ["inspect_model"],
    "inspect.probe": ["activations"],
    "models.build": ["build_model"],
    "models.callbacks": ["ResetStates"],
    "models.rebuild": ["as_kind", "rebatch"],
    "models.registry": ["get_model", "list_models", "register_model"],
    "models.spec": ["ModelSpec"],
    "models.state": ["get_states", "reset_states", "set_states"],
    "report.write": ["write_report"],
    "runs.trained": ["load_model"],
    "sweep.run": ["run_sweep"],
    "training.run": ["train_run"],
    "zoo.pretrained": ["list_trained"],
}
_COMPUTING = {  # rooms of which every name computes with TensorFlow
    "convert.keras",
    "convert.tf1",
    "convert.torch",
    "data.keras_dataset",
    "execution.engine",
    "export.write",
    "models.build",
    "models.callbacks",
    "models.rebuild",
    "models.state",
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
__all__ = list(_ROOM_OF)  # a dynamic list: type checkers take the imports above


if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _ROOM_OF:
            raise AttributeError(f"module 'lstmzoo' has no attribute {name!r}")
        if _ROOM_OF[name] in _COMPUTING:
            import_module("lstmzoo.system.accessories").before_tensorflow()
        return getattr(import_module(f"lstmzoo.{_ROOM_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOM_OF])
