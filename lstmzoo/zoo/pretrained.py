"""The trained models that come with the package: `zoo:NAME` is accepted wherever a run directory is read.

Each is a run directory in `trained/`, with its model card (README.md) and the weights of its best step alone.
`experiments/pretrained/pack.py` makes one from a run. No TensorFlow.
"""

import os
from pathlib import Path

from lstmzoo.errors import InputError, did_you_mean, shown

PREFIX = "zoo:"
EXPORTED = (".keras", ".tflite", ".onnx")
MODELS = Path(__file__).parent / "trained"


def list_trained() -> list[str]:
    """What can be given as a run directory: "zoo:echo_4" and so on, sorted."""
    return sorted(PREFIX + path.parent.name for path in MODELS.glob("*/config.yaml"))


def run_path(run: str | os.PathLike[str]) -> Path:
    """The directory of a run, or of a trained model of the package; `InputError` for a name that it does not have."""
    text = os.fspath(run)
    if not text.startswith(PREFIX):
        return Path(run)
    if text not in list_trained():
        hint = _only_named(text.removeprefix(PREFIX)) or did_you_mean(text, list_trained())
        raise InputError(
            f"expected a trained model of the package ({', '.join(list_trained())}), received {text!r}{hint}"
        )
    return MODELS / text.removeprefix(PREFIX)


def what_was_meant(run: str | os.PathLike[str]) -> str:
    """A hint for who has given something else than a run directory, or nothing."""
    name, path = os.fspath(run), Path(run)
    if PREFIX + name in list_trained():
        return f"; did you mean {PREFIX}{name}?"
    if hint := _only_named(name):
        return hint
    if not os.path.exists(path):  # noqa: PTH110  (Path's own raises for a name too long)
        return " (it is not there)"
    if path.suffix in EXPORTED or os.path.isfile(path / "saved_model.pb"):  # noqa: PTH113  (nor for one without leave)
        return ": it is an exported model; give the run that it was made of"
    for folder in (path.parent, path.parent.parent):
        if os.path.isdir(folder / "checkpoints"):  # noqa: PTH112
            return f"; did you mean {shown(str(folder), 200)}?"
    if path.suffix in (".yaml", ".yml"):
        return f": it is a config, to be trained with python -m lstmzoo.run {path}"
    return ""


def is_packed(path: Path) -> bool:
    """Whether a directory is one of the package's: it has no metrics.jsonl, which would be larger than the weights."""
    return path.parent == MODELS


def card(name: str) -> str:
    """The model card of a trained model, "zoo:echo_4" and so on: data, config, score, size, limits (Markdown)."""
    return (run_path(name) / "README.md").read_text(encoding="utf-8")


def refuse_to_write(path: Path, what: str = "run directory", option: str = "--run-dir") -> None:
    """Raise `InputError` for a name of the package where something is to be written."""
    if path.name.startswith(PREFIX):
        raise InputError(
            f"{what}: expected one to write to, received {path.name!r}, which names a trained model of the package: "
            f"choose another directory with {option}"
        )


def _only_named(name: str) -> str:
    """Some names of the zoo have no weights."""
    from lstmzoo.models.registry import list_models

    return (
        f"; the zoo's {name} is an architecture, to be trained: build_model({name!r}, ...)"
        if name in list_models()
        else ""
    )
