"""Settings of an experiment by dotted path, and how two of them differ: a checkpoint keeps those of its run."""

import json
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from typing import Any

from pydantic import BaseModel

from lstmzoo.config.experiment import Experiment
from lstmzoo.config.sources import LENGTHS
from lstmzoo.schema.places import sections_in
from lstmzoo.schema.section import MAY_CHANGE
from lstmzoo.tasks.optional import data_keys

Settings = dict[str, Any]  # values by dotted path


def settings_of(experiment: Experiment) -> Settings:
    """Return every setting but the places of data, which are known by a digest."""
    data = experiment.model_dump(mode="json", by_alias=True)
    data["model"] |= {"encoding": experiment.encoding, "units": list(experiment.model.layers)}
    del data["model"]["depth"]
    for key in data_keys(experiment.task):
        data["task"].pop(key, None)
    return dict(flat(data))


def experiment_of(settings: Settings, places: Experiment) -> Experiment:
    """Return the experiment of some settings, checked as a YAML file is; the places of its data are those of `places`.

    What the settings lack has its default. Raises `ValueError` for settings of no experiment.
    """
    data: dict[str, Any] = {}
    for path, value in settings.items():
        *above, key = path.split(".")
        section = reduce(lambda section, name: section.setdefault(name, {}), above, data)
        section[key] = value
    data["train"] = {key: value for key, value in data["train"].items() if key not in LENGTHS or value is not None}
    data["task"] |= places.task.model_dump(include=set(data_keys(places.task)), exclude_none=True)
    if not places.task.writes:
        data.pop("sample", None)
    return Experiment.model_validate(data, context={"files_may_lack": True})


def bound_differences(kept: Settings, wanted: Settings) -> Settings:
    """Return the settings that differ and that a resume may not change (those without `MAY_CHANGE`)."""
    return differences(kept, wanted, changeable(Experiment))


def changed_settings(kept: Settings, wanted: Settings) -> Settings:
    """Return all settings that differ, with their new values."""
    return differences(kept, wanted, ())


@cache
def changeable(section: type[BaseModel], above: str = "") -> tuple[str, ...]:
    """Collect the dotted paths of the keys that are marked `MAY_CHANGE` in a section and in those below it."""
    found: list[str] = []
    for name, field in section.model_fields.items():
        path = f"{above}{field.alias or name}"
        if MAY_CHANGE in field.metadata:
            found.append(path)
        else:
            found += [key for inner in sections_in(field.annotation) for key in changeable(inner, f"{path}.")]
    return tuple(dict.fromkeys(found))


def differences(kept: Settings, wanted: Settings, free: tuple[str, ...]) -> Settings:
    """Return the settings that differ, with their wanted values, by dotted path.

    Left out: the `free` paths and what is below them, and what is left to `auto` in `execution`. For example,
    `differences({"seed": 0, "name": "a"}, {"seed": 1, "name": "b"}, ("name",))` is `{"seed": 1}`.
    """
    return {
        path: wanted.get(path)
        for path in dict.fromkeys((*kept, *wanted))
        if kept.get(path) != wanted.get(path)
        and not (path.startswith("execution.") and wanted.get(path) == "auto")
        and not any(path == other or path.startswith(f"{other}.") for other in free)
    }


def is_shorter(kept: Settings, wanted: Settings, windows: int) -> bool:
    """Tell whether a length is less than the run's own; seconds and steps do not compare. `windows`: of an epoch."""
    (old_key, old), (new_key, new) = (length_of(settings, windows) for settings in (kept, wanted))
    return new < old and (old_key == "train.time_budget") == (new_key == "train.time_budget")


def as_text(settings: Settings) -> str:
    """Write settings as text for the metadata of a checkpoint."""
    return json.dumps(settings, sort_keys=True, allow_nan=False)


def length_of(settings: Mapping[str, Any], windows: int) -> tuple[str, float]:
    """Return the key that bounds the run, and its value in steps or seconds."""
    key = next(f"train.{key}" for key in LENGTHS if settings[f"train.{key}"] is not None)
    return key, settings[key] * (windows if key == "train.epochs" else 1)


def flat(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings by dotted path: `{"a": {"b": 1}}` gives `("a.b", 1)`."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
