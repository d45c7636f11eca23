"""A run on disk: its directory, which one process at a time writes to, and what stands in it. No TensorFlow."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from lstmzoo.errors import Busy, InputError
from lstmzoo.runs.checkpoint import checkpoint_steps
from lstmzoo.runs.environment import changes, environment
from lstmzoo.runs.metrics import METRICS, Metrics
from lstmzoo.runs.places import check_name, check_parts, make_folders, make_free, unusable
from lstmzoo.system.files import remove_leftovers, write_atomically
from lstmzoo.system.locks import Lock, take_lock
from lstmzoo.system.reader import read_file
from lstmzoo.zoo.pretrained import refuse_to_write

FILES = ("config.yaml", "environment.json", "vocab.json", "scaling.json", METRICS, "result.json")
FOLDERS = ("checkpoints", "plots", "samples", "tensorboard")
LOCK = ".lock"


class RunDirectory:
    """Files of one run; every reader of a run starts here, and every writer with `claim`."""

    def __init__(self, path: Path):
        self.path = path
        self.checkpoints, self.plots, self.samples, self.tensorboard = (path / name for name in FOLDERS)
        self.metrics = Metrics(path / METRICS)
        self._lock: Lock | None = None
        self._mine = (0, 0)
        self._made: list[Path] = []  # folders that claiming has made, the innermost first

    @classmethod
    def create(cls, name: str, path: Path | None) -> Self:
        """Claim exactly `path`, or the first free default directory; `InputError` for one that holds a run."""
        if path is None:
            free, above = make_free(name)
            directory = cls.claim(free)
            directory._made = [free, *above]
        else:
            directory = cls.claim(path)
        try:
            directory.check_empty()
        except InputError:
            directory.release()
            raise
        return directory

    @classmethod
    def claim(cls, path: Path) -> Self:
        """Lock a directory for this process; it is made if it is missing, and stays locked until `release`.

        Raises `InputError` for one that cannot be, that another process writes to, or whose parts are elsewhere.
        """
        from filelock import Timeout  # who only reads starts without it

        directory = cls(path)
        try:
            refuse_to_write(path)
            check_name(path)
            directory._made = make_folders(path)
            check_parts(path, FILES, FOLDERS, in_place=(METRICS, LOCK))
            directory._lock = take_lock(path / LOCK)
            directory._mine = _identity(path / LOCK)
        except Timeout as error:
            raise Busy(
                f"run directory: expected one that no other process trains in, received {path}: wait for the other "
                "one to end, or choose another directory with --run-dir"
            ) from error
        except OSError as error:
            raise unusable(path, error) from error
        return directory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    @property
    def note(self) -> str:
        """Warning of the lock for the user; empty if there is none."""
        return self._lock.note if self._lock is not None else ""

    def release(self) -> None:
        """Let other processes write; one that waits for the lock sees that its file is gone.

        Folders that were made for a run and hold nothing go too: a run that could not begin leaves no trace.
        """
        made: list[Path] = []
        with suppress(OSError):
            if _identity(self.path / LOCK) == self._mine:
                (self.path / LOCK).unlink()
                made = self._made
        if self._lock is not None:
            self._lock.release()
        with suppress(OSError):
            for folder in made:
                folder.rmdir()

    def check_claim(self) -> None:
        """Raise `OSError` if the directory was removed, or replaced by another process."""
        if _identity(self.path / LOCK) != self._mine:
            raise OSError("the directory was replaced by something else")

    def is_begun(self) -> bool:
        """Tell whether a run has written its first file there."""
        try:
            return os.path.lexists(self.path / "config.yaml") or bool(checkpoint_steps(self.checkpoints))
        except OSError:  # `claim` says why
            return False

    def check_empty(self) -> None:
        """Raise `InputError` where a run would meet files of the names that it writes."""
        held = [name for name in FILES if os.path.lexists(self.path / name)]
        held += [name for name in FOLDERS if any((self.path / name).glob("*"))]
        if held:
            raise InputError(
                f"run directory: expected one without a run, received {self.path}, which holds {', '.join(held)}: "
                "go on with --resume, choose another one with --run-dir, or remove it"
            )

    def begin(self, config: str, samples: bool = False) -> None:
        """Write config.yaml and make the folders; remove what a start without a checkpoint has left.

        `samples`: make a folder for them.
        """
        try:
            if os.path.lexists(self.path / "config.yaml"):
                for name in FILES[1:]:
                    (self.path / name).unlink(missing_ok=True)
                for path in self.tensorboard.glob("events.out.tfevents.*"):
                    path.unlink()
                self.cut_back(0)
            self.write_config(config)
            for folder in (self.checkpoints, self.plots, *([self.samples] if samples else [])):
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unusable(self.path, error) from error

    def cut_back(self, step: int) -> None:
        """Remove samples of later steps and what killed processes have left half-written."""
        for folder in (self.path, self.checkpoints, self.plots, self.samples):
            remove_leftovers(folder)
        for path in self.samples.glob("step-*.txt"):
            found = re.fullmatch(r"step-(\d{8,18})\.txt", path.name)
            if found and int(found[1]) > step and path.is_file():
                path.unlink()

    def write_config(self, config: str) -> None:
        """Write config.yaml, the resolved experiment."""
        write_atomically(self.path / "config.yaml", config.encode())

    def write_environment(self, device: str, data: Mapping[str, Any], built: bool = False) -> None:
        """Write environment.json: what the numbers depend on beside the configuration.

        `data`: facts of a text or of tables; `built`: the C++ compiler counts.
        """
        self._write_json("environment.json", {**environment(device, built), **({"data": data} if data else {})})

    def note_resume(self, step: int, device: str, changed: Mapping[str, Any], built: bool = False) -> list[str]:
        """Add to environment.json that the run goes on; return in words what has changed."""
        kept, now = self.read_json("environment.json"), environment(device, built)
        others = changes(kept, now)
        note = {"step": step, "command": now["command"], **({"changed": changed} if changed else {})}
        note |= {name: value for name, (_, value) in others.items()}
        earlier = kept.get("resumed")
        resumed = [*(earlier if isinstance(earlier, list) else []), note]
        self._write_json("environment.json", {**kept, "resumed": resumed})
        return [f"{name} was {old} and is {new}" for name, (old, new) in others.items() if name != "git_commit"]

    def check_json(self) -> None:
        """Raise `InputError` if environment.json or result.json cannot be read."""
        self.read_json("environment.json")
        if (self.path / "result.json").exists():
            self.read_json("result.json")

    def read_facts(self) -> dict[str, Any]:
        """Read the facts of the data from environment.json; empty for a run that was killed before it wrote that."""
        if not os.path.lexists(self.path / "environment.json"):
            return {}
        facts = self.read_json("environment.json").get("data")
        return facts if isinstance(facts, dict) else {}

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a mapping from one of the JSON files; `InputError` for anything else."""
        try:
            found = json.loads(read_file(self.path / name))
            if isinstance(found, dict):
                return found
            reason = "is not a mapping"
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
        except (ValueError, RecursionError):
            reason = "is not JSON"
        advice = "remove it, it will be written again" if name == "result.json" else "restore the run's own file"
        raise InputError(f"expected a run's {name}, received {self.path / name}, which {reason}: {advice}")

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write result.json, the last file of a run."""
        self._write_json("result.json", result)

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        write_atomically(self.path / name, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def _identity(path: Path) -> tuple[int, int]:
    """Return device and inode, which tell a file from another one of the same name."""
    found = path.stat()
    return found.st_dev, found.st_ino
