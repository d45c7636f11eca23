"""A run on disk: its directory, and what stands in it. No TensorFlow."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lstmzoo.errors import InputError
from lstmzoo.files import write_atomically

MARKS = ("config.yaml", "environment.json", "metrics.jsonl", "result.json")
PACKAGES = ("lstmzoo", "tensorflow", "tf-keras", "numpy", "safetensors")


class RunDirectory:
    """The files of one run; every reader of a run starts here."""

    def __init__(self, path: Path):
        self.path = path
        self.checkpoints, self.plots, self.samples = path / "checkpoints", path / "plots", path / "samples"

    @classmethod
    def create(cls, name: str, path: Path | None, config: str, samples: bool = False) -> "RunDirectory":
        """Exactly `path`, which must not hold a run, or the first free default one, with its config.yaml written.

        `samples`: with a place for them.

        Raises `InputError` if that cannot be.
        """
        try:
            directory = cls(_first_free(name) if path is None else _empty(path))
            write_atomically(directory.path / "config.yaml", config.encode())
            directory.checkpoints.mkdir(exist_ok=True)
            directory.plots.mkdir(exist_ok=True)
            if samples:
                directory.samples.mkdir(exist_ok=True)
        except OSError as error:
            where = path or runs_root() / name
            raise InputError(
                f"run directory: expected a directory that can be written, received {where} ({error.strerror}): "
                "choose another one with --run-dir"
            ) from error
        return directory

    def write_environment(self, device: str, data: Mapping[str, Any]) -> None:
        """environment.json: what the numbers depend on beside the configuration; `data`: facts of a text."""
        facts = {
            "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
            "device": device,
            "machine": platform.machine(),
            "command": sys.argv,
            "git_commit": _git_commit(),
            **({"data": data} if data else {}),
        }
        self._write_json("environment.json", facts)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """result.json, written last."""
        self._write_json("result.json", result)

    def append_metrics(self, lines: list[dict[str, Any]]) -> None:
        """One JSON object a step to metrics.jsonl."""
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line, allow_nan=False) + "\n" for line in lines)

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        write_atomically(self.path / name, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def runs_root() -> Path:
    """Where default run directories are: `LSTMZOO_RUNS`, or experiments/runs."""
    return Path(os.environ.get("LSTMZOO_RUNS") or Path("experiments", "runs"))


def _first_free(name: str) -> Path:
    root = runs_root()
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _empty(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    held = [name for name in MARKS if (path / name).exists()]
    held += ["checkpoints"] if any((path / "checkpoints").glob("*")) else []
    if held:
        raise InputError(
            f"run directory: expected one without a run, received {path}, which holds {', '.join(held)}: "
            "choose another one with --run-dir, or remove it"
        )
    return path


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        command = ["git", "rev-parse", "HEAD"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, cwd=Path(__file__).parent)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
