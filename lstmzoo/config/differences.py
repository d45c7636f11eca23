"""What of an experiment a run is bound to: a checkpoint keeps it, and a run that goes on is held to it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.sources import LENGTHS

Settings = dict[str, Any]  # values by dotted path
FREE: tuple[str, ...] = (
    *("train.optimizer.learning_rate", "train.schedule", "train.grad_clip_norm", "sample", "checkpoint"),
    *("validate.every_steps", "validate.patience"),
    *(f"train.{key}" for key in LENGTHS),  # they may only be raised
)


def settings_of(experiment: Experiment) -> Settings:
    """Every setting but the places of a text, which is known by its digest."""
    data = experiment.model_dump(mode="json", by_alias=True)
    data["model"] |= {"encoding": experiment.encoding, "units": list(experiment.model.layers)}
    for section, key in (("model", "depth"), ("task", "text"), ("task", "corpus")):
        data[section].pop(key, None)
    return dict(flat(data))


def differences(kept: Mapping[str, Any], wished: Mapping[str, Any], free: tuple[str, ...] = FREE) -> Settings:
    """Paths that differ, with what is wished; not the free ones and what is below them, nor what is left to `auto`."""
    return {
        path: wished.get(path)
        for path in dict.fromkeys((*kept, *wished))
        if kept.get(path) != wished.get(path)
        and not (path.startswith("execution.") and wished.get(path) == "auto")
        and not any(path == other or path.startswith(f"{other}.") for other in free)
    }


def is_shorter(kept: Mapping[str, Any], wished: Mapping[str, Any], windows: int) -> bool:
    """Whether a length is less than the run's own, in epochs of so many windows; steps and seconds do not compare."""
    (old_key, old), (new_key, new) = (_length(settings, windows) for settings in (kept, wished))
    return new < old and (old_key == "train.time_budget") == (new_key == "train.time_budget")


def as_text(settings: Settings) -> str:
    """For a checkpoint's metadata."""
    return json.dumps(settings, sort_keys=True)


def _length(settings: Mapping[str, Any], windows: int) -> tuple[str, float]:
    """The key that bounds the run, and its value in steps or seconds."""
    key = next(f"train.{key}" for key in LENGTHS if settings[f"train.{key}"] is not None)
    return key, settings[key] * (windows if key == "train.epochs" else 1)


def flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Values of nested mappings by dotted path."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
