"""The trained models of the package: `zoo:NAME` is accepted wherever a run directory is read.

Each is a run directory in `trained/`, with its model card (README.md) and the weights of its best step alone.
`experiments/pretrained/pack.py` makes one from a run. No TensorFlow.
"""

import os
from pathlib import Path

from lstmzoo.errors import InputError, did_you_mean, shown

PREFIX = "zoo:"
EXPORTED = (".keras", ".tflite", ".onnx", ".h")
MODELS = Path(__file__).parent / "trained"


def list_trained() -> list[str]:
    """List the names of trained models, which can be given as a run directory: "zoo:echo_4" and so on, sorted."""
    return sorted(PREFIX + path.parent.name for path in MODELS.glob("*/config.yaml"))


def run_path(run: str | os.PathLike[str]) -> Path:
    """Return the directory of a run, or of a trained model of the package; raise `InputError` for an unknown name."""
    text = os.fspath(run)
    if not text.startswith(PREFIX):
        return Path(run)
    if text not in list_trained():
        hint = _only_named(text.removeprefix(PREFIX)) or did_you_mean(text, list_trained())
        raise InputError(
            f"expected a trained model of the package ({', '.join(list_trained())}), received {shown(text)}{hint}"
        )
    return MODELS / text.removeprefix(PREFIX)


def what_was_meant(run: str | os.PathLike[str]) -> str:
    """Return a hint for messages about a path that is not a run directory, such as "; did you mean zoo:echo_4?"."""
    name, path = os.fspath(run), Path(run)
    if PREFIX + name in list_trained():
        return f"; did you mean {PREFIX}{name}?"
    if hint := _only_named(name):
        return hint
    if not os.path.exists(path):  # noqa: PTH110  (Path's own raises for a name too long)
        return " (it is not there)"
    if path.suffix in EXPORTED or os.path.isfile(path / "saved_model.pb"):  # noqa: PTH113  (nor without permission)
        return ": it is an exported model; give the run that it was exported from"
    for folder in (path.parent, path.parent.parent):
        if os.path.isdir(folder / "checkpoints"):  # noqa: PTH112
            return f"; did you mean {shown(str(folder), 200)}?"
    if path.suffix in (".yaml", ".yml"):
        return f": it is a config; train it with python -m lstmzoo.run {path}"
    return ""


def is_packed(path: Path) -> bool:
    """Tell whether a directory is a trained model of the package.

    Such a one has no metrics.jsonl, which would be larger than the weights.
    """
    return path.parent == MODELS


def card(name: str) -> str:
    """Return the model card of a trained model such as "zoo:echo_4": data, config, score, size, limits (Markdown)."""
    return (run_path(name) / "README.md").read_text(encoding="utf-8")


def refuse_to_write(path: Path, what: str = "run directory", option: str = "--run-dir") -> None:
    """Raise `InputError` if the path to write to is the name of a trained model of the package."""
    if path.name.startswith(PREFIX):
        raise InputError(
            f"{what}: expected one to write to, received {path.name!r}, which names a trained model of the package: "
            f"choose another directory with {option}"
        )


def _only_named(name: str) -> str:
    """Return a hint for a name of the zoo that is an architecture without weights, else ""."""
    from lstmzoo.models.registry import list_models

    return (
        f"; the zoo's {name} is an architecture without weights: build_model({name!r}, ...) makes a model to train"
        if name in list_models()
        else ""
    )
