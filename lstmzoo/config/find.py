"""Configs of the package by name: `echo` is its echo.yaml, unless a file of that name is here."""

import os
from pathlib import Path

from lstmzoo.errors import InputError, did_you_mean, path_of, shown
from lstmzoo.zoo.pretrained import PREFIX

SUFFIX = ".yaml"


def configs_folder() -> Path:
    """Find the folder of the configs: inside the package in a wheel, beside it in a clone."""
    inside = Path(__file__).parents[1] / "configs"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "configs"


def list_configs(kind: str = "") -> list[str]:
    """List the names of the package's experiments, or of its `sweeps`, sorted."""
    return sorted(path.stem for path in (configs_folder() / kind).glob(f"*{SUFFIX}"))


def find_config(given: str | os.PathLike[str], kind: str = "", folder: Path = Path()) -> Path:
    """Find the YAML file that is meant: one of `folder`, or the package's of that name (`kind` "sweeps": its sweep).

    `.yaml` may be left out. A file of `folder` goes before one of the package, and a folder is no file. Raises
    `InputError` with the nearest name where neither is.
    """
    path = path_of("config", given)
    here = [folder / name for name in _spellings(path)]
    ours = [configs_folder() / kind / name for name in _spellings(path) if path.name == str(path)]
    found = next((each for each in [*here, *ours] if os.path.lexists(each) and not each.is_dir()), None)
    return found or _must_be_there(folder / path, kind)


def _spellings(path: Path) -> list[Path]:
    return [path, *([path.with_name(path.name + SUFFIX)] if path.name and path.suffix != SUFFIX else [])]


def _must_be_there(path: Path, kind: str) -> Path:
    """Return the path if it can be opened, or raise an error that lists the legal names."""
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a NUL character"
        near = did_you_mean(path.name.removesuffix(SUFFIX), list_configs(kind))
        if path.name.startswith(PREFIX):
            near = "; trained models are there to sample, score, report and load_model"
        raise InputError(
            f"expected a readable YAML file, received {shown(str(path))} ({reason}), nor is it a name of those in "
            f"{configs_folder() / kind}{near}"
        ) from error
    return path
