"""A run on disk: its directory, which one process at a time writes to, and what stands in it. No TensorFlow."""

import errno
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout
from typing_extensions import Self

from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.files import remove_leftovers, write_atomically
from lstmzoo.metrics import Metrics

FILES = ("config.yaml", "environment.json", "vocab.json", "metrics.jsonl", "result.json")
FOLDERS = ("checkpoints", "plots", "samples", "tensorboard")
MARKS = tuple(name for name in FILES if name != "vocab.json")  # a directory with one of them holds a run
LOCK = ".lock"
PACKAGES = ("lstmzoo", "tensorflow", "tf-keras", "numpy", "safetensors")
USERS = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP)


class RunDirectory:
    """The files of one run; every reader of a run starts here, and every writer with `claim`."""

    def __init__(self, path: Path):
        self.path = path
        self.checkpoints, self.plots, self.samples, self.tensorboard = (path / name for name in FOLDERS)
        self.metrics = Metrics(path / "metrics.jsonl")
        self._lock = FileLock(path / LOCK)

    @classmethod
    def create(cls, name: str, path: Path | None) -> Self:
        """Exactly `path`, or the first free default one, claimed; `InputError` for one that holds a run."""
        directory = cls.claim(_first_free(name) if path is None else path)
        if held := directory.held():
            directory.release()
            raise InputError(
                f"run directory: expected one without a run, received {directory.path}, which holds "
                f"{', '.join(held)}: go on with --resume, choose another one with --run-dir, or remove it"
            )
        return directory

    @classmethod
    def claim(cls, path: Path) -> Self:
        """A directory for this process to write to; it is made if need be, and stays locked until `release`.

        Raises `InputError` for one that cannot be, that another process writes to, or whose parts are elsewhere.
        """
        directory = cls(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            directory._check_parts()
            directory._lock.acquire(blocking=False)
        except Timeout as error:
            raise InputError(
                f"run directory: expected one that no other process trains in, received {path}: wait for the other "
                "one to end, or choose another directory with --run-dir"
            ) from error
        except OSError as error:
            raise _unusable(path, error) from error
        return directory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def release(self) -> None:
        """Let other processes write; who waits for the lock sees that its file is gone."""
        with suppress(OSError):
            (self.path / LOCK).unlink()
        self._lock.release()

    def held(self) -> list[str]:
        """What stands there that makes it a run."""
        held = [name for name in MARKS if os.path.lexists(self.path / name)]
        return held + (["checkpoints"] if any(self.checkpoints.glob("*")) else [])

    def begin(self, config: str, samples: bool = False) -> None:
        """Write config.yaml and make the folders; what a start without a checkpoint has left is removed.

        `samples`: with a place for them.
        """
        try:
            remove_leftovers(self.path)
            self.write_config(config)
            for name in FILES[1:]:
                (self.path / name).unlink(missing_ok=True)
            for folder in (self.checkpoints, self.plots, *([self.samples] if samples else [])):
                folder.mkdir(exist_ok=True)
            self.cut_back(0)
        except OSError as error:
            raise _unusable(self.path, error) from error

    def cut_back(self, step: int) -> None:
        """Remove samples of later steps and what killed processes have left half-written."""
        for folder in (self.path, self.checkpoints, self.plots, self.samples):
            remove_leftovers(folder)
        for path in self.samples.glob("step-*.txt"):
            if (found := re.fullmatch(r"step-(\d{8,})\.txt", path.name)) and int(found[1]) > step:
                path.unlink()

    def write_config(self, config: str) -> None:
        """config.yaml, the resolved experiment."""
        write_atomically(self.path / "config.yaml", config.encode())

    def write_environment(self, device: str, data: Mapping[str, Any]) -> None:
        """environment.json: what the numbers depend on beside the configuration; `data`: facts of a text."""
        self._write_json("environment.json", {**_environment(device), **({"data": data} if data else {})})

    def note_resume(self, step: int, device: str, changed: Mapping[str, Any]) -> list[str]:
        """Add to environment.json that the run goes on; what is no longer as it was, in words."""
        kept, now = self.read_json("environment.json"), _environment(device)
        others = {name: value for name, value in _flat(now).items() if _flat(kept).get(name) != value}
        note = {"step": step, "command": now["command"], **({"changed": changed} if changed else {}), **others}
        earlier = kept.get("resumed")
        self._write_json(
            "environment.json", {**kept, "resumed": [*(earlier if isinstance(earlier, list) else []), note]}
        )
        return [
            f"{name} was {_flat(kept).get(name)} and is {value}"
            for name, value in others.items()
            if name != "git_commit"
        ]

    def read_json(self, name: str) -> dict[str, Any]:
        """A mapping from one of the files; `InputError` for what is none."""
        try:
            found = json.loads((self.path / name).read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
            reason = "is no mapping"
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
        except (ValueError, RecursionError):
            reason = "is no JSON"
        advice = "remove it, it is written anew" if name == "result.json" else "restore the run's own file"
        raise InputError(f"expected a run's {name}, received {self.path / name}, which {reason}: {advice}")

    def write_result(self, result: Mapping[str, Any]) -> None:
        """result.json, written last."""
        self._write_json("result.json", result)

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        write_atomically(self.path / name, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())

    def _check_parts(self) -> None:
        """Nothing is written through a symbolic link, or where a file should be a folder."""
        for name in (*FILES, *FOLDERS, LOCK):
            part = self.path / name
            fits = part.is_dir() if name in FOLDERS else part.is_file()
            if os.path.lexists(part) and (part.is_symlink() or not fits):
                kind = "folder" if name in FOLDERS else "file"
                raise InputError(
                    f"run directory: expected {part} to be a {kind} of its own, received "
                    f"{'a symbolic link' if part.is_symlink() else 'something else'}: remove it, or choose another "
                    "directory with --run-dir"
                )


def runs_root() -> Path:
    """Where default run directories are: `LSTMZOO_RUNS`, or experiments/runs."""
    return Path(os.environ.get("LSTMZOO_RUNS") or Path("experiments", "runs"))


def last_default(name: str) -> Path:
    """The last-numbered default directory of a name, or the first one, if there is none yet."""
    found = [(1, runs_root() / name)]
    for path in runs_root().glob(f"{name}-*"):
        if (number := re.fullmatch(r"-([1-9]\d{0,8})", path.name[len(name) :])) and path.is_dir():
            found.append((int(number[1]), path))
    return max(found)[1]


def _first_free(name: str) -> Path:
    root = runs_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = root / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                path.mkdir()
                return path
            number += 1
    except OSError as error:
        raise _unusable(root / name, error) from error


def _unusable(path: Path, error: OSError) -> InputError | EnvironmentFailure:
    if error.errno not in (*USERS, errno.EEXIST):
        return EnvironmentFailure(f"the run directory {path} cannot be written ({error.strerror or error}): make room")
    return InputError(
        f"run directory: expected a directory that can be written, received {path} ({error.strerror}): "
        "choose another one with --run-dir"
    )


def _environment(device: str) -> dict[str, Any]:
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "device": device,
        "machine": platform.machine(),
        "command": sys.argv,
        "git_commit": _git_commit(),
    }


def _flat(environment: Mapping[str, Any]) -> dict[str, Any]:
    """What numbers depend on, by name."""
    versions = environment.get("versions")
    facts = {name: environment.get(name) for name in ("device", "machine", "git_commit")}
    return {**(versions if isinstance(versions, dict) else {}), **facts}


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
