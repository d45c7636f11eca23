"""lstmzoo: configurable stacked LSTMs for Keras 2, with their state carried, kept and exported.

The names below are the whole public API; those that need TensorFlow import it when first used.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "InputError": "errors",
    "ConfigError": "errors",
    "Diverged": "errors",
    "EnvironmentFailure": "errors",
    "Interrupted": "errors",
    "list_models": "zoo",
    "get_model": "zoo",
    "register_model": "zoo",
    "ModelSpec": "architecture",
    "load_config": "config",
    "build_model": "model",
    "list_trained": "pretrained",
    "load_model": "trained",
    "rebatch": "rebuild",
    "as_kind": "rebuild",
    "from_tf1": "convert.tf1",
    "from_keras": "convert.keras_models",
    "from_torch": "convert.pytorch",
    "to_torch": "convert.pytorch",
    "get_states": "state",
    "set_states": "state",
    "reset_states": "state",
    "train_windows": "execution",
    "ResetStates": "callbacks",
    "windows": "datasets",
    "train_run": "job",
    "run_sweep": "sweeps.searching",
    "sample_text": "writing",
    "score_text": "scoring",
    "export_model": "exporting",
    "write_report": "report",
}
__all__ = list(_NAMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'lstmzoo' has no attribute {name!r}")
    return getattr(import_module(f"lstmzoo.{_NAMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])
