"""A search on disk: trials, results, and the state from which the next start goes on. No TensorFlow."""

import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout
from typing_extensions import Self

from lstmzoo.config.differences import differences, flat
from lstmzoo.errors import InputError, shown, written
from lstmzoo.runs.places import check_name, check_parts
from lstmzoo.sweep.space.search import Search
from lstmzoo.sweep.state import read_state
from lstmzoo.system.files import name_beside, publish, write_atomically
from lstmzoo.system.locks import Lock, take_lock
from lstmzoo.system.reader import read_file
from lstmzoo.zoo.pretrained import refuse_to_write

ADJUSTABLE = (
    "search.trials",
    "max_failed",
    "trial_timeout",
    "worker_timeout",
    "name",
    "base",
)  # may change from start to start


FILES = ("leaderboard.csv", "leaderboard.md", "best.yaml", "search/oracle.json", "search/sweep.json", "search/key")
FOLDERS, LOCK = ("search", "logs", "plots", "tensorboard"), "search/.lock"


class SweepDirectory:
    """The directory of a search, and the places of its parts."""

    def __init__(self, path: Path):
        self.path, inside = path, path / "search"
        self.inside, self.logs, self.plots, self.tensorboard = (
            inside,
            path / "logs",
            path / "plots",
            path / "tensorboard",
        )
        self.oracle, self.definition, self.key_file = inside / "oracle.json", inside / "sweep.json", inside / "key"
        self._lock: Lock | None = None

    def prepare(self, search: Search) -> Self:
        """Make the directory ready for a search; raise `InputError` if it holds another search, or other files."""
        refuse_to_write(self.path, "sweep directory", "--dir")
        check_name(self.path, "sweep directory", "--dir")
        try:
            self._check_parts()
            known = self._definition()
            inside = [each.name for each in self.path.iterdir()] if self.path.exists() else []
            if known is None and set(inside) - {"search"}:
                raise InputError(
                    f"sweep directory: expected an empty one or that of this sweep, received {self.path}, which holds "
                    "something else: choose another one with --dir"
                )
            self.inside.mkdir(parents=True, exist_ok=True)
            self._agree(known, _definition(search))
            read_state(self.oracle, search)
            for folder in (self.logs, self.plots):
                folder.mkdir(exist_ok=True)
            self._make_key()
        except OSError as error:
            raise _unusable(self.path, error) from error
        return self

    def claim(self) -> str:
        """Lock the directory: one process at a time hands out its trials; return what the user should know of the lock.

        Raises `InputError` if another process has it.
        """
        try:
            self._lock = take_lock(self.path / LOCK)
            return self._lock.note
        except Timeout as error:
            raise InputError(
                f"sweep directory: expected one in which no other search runs, received {self.path}: wait for that one "
                "to end, join it with --join HOST:PORT, or choose another directory with --dir"
            ) from error

    def release(self) -> None:
        """Unlock the directory."""
        if self._lock is not None:
            self._lock.release()

    @property
    def key(self) -> str:
        """The key with which workers prove to the chief that they work in the same directory."""
        found = read_file(self.key_file)
        if re.fullmatch(rb"[0-9a-f]{32}", found):
            return found.decode()
        raise InputError(
            f"expected a sweep's key of 32 hexadecimal digits, received {self.key_file}, which holds "
            f"{len(found):,} other bytes: remove it, and the next start makes a new one"
        )

    def run(self, number: int, repeat: int = 0) -> Path:
        """Return the run directory of a trial."""
        return self.path / run_name(number, repeat)

    def log(self, name: str) -> Path:
        """Return the path of a trial's log."""
        return self.logs / f"{name}.log"

    def is_over(self, search: Search) -> bool:
        """Tell whether all trials have ended; False for a hyperband search, whose end only the chief knows."""
        state = read_state(self.oracle, search)
        return state is not None and state.brackets is None and state.ended() == len(state.trials) >= search.trials

    def _check_parts(self) -> None:
        """Raise `InputError` for a part that is elsewhere: of the search, a log, a trial, or one of its sessions."""
        logs = [
            f"{path.parent.name}/{path.name}" for folder in (self.logs, self.inside) for path in folder.glob("*.log")
        ]
        trials = [path.name for path in self.path.glob("trial-*")]
        trials += [f"tensorboard/{path.name}" for path in self.tensorboard.glob("trial-*")]
        check_parts(self.path, (*FILES, *logs), (*FOLDERS, *trials), (LOCK,), "sweep directory", "--dir")

    def _make_key(self) -> None:
        """Make the key, which only its owner can read, unless another process has made it before; check it."""
        if not os.path.lexists(self.key_file):
            beside = name_beside(self.key_file)
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  (Path.open takes no descriptor)
                file.write(secrets.token_hex(16))
            with suppress(FileExistsError):
                publish(beside, self.key_file)
            beside.unlink(missing_ok=True)
        _ = self.key

    def _definition(self) -> dict[str, Any] | None:
        with suppress(FileNotFoundError):
            try:
                known = json.loads(read_file(self.definition))
                if isinstance(known, dict):
                    return known
            except (ValueError, RecursionError):
                pass
            raise self._no_definition()
        return None

    def _no_definition(self) -> InputError:
        return InputError(
            f"expected a sweep's sweep.json, received {self.definition}, which is not one: restore it, or start a "
            "new search with another --dir"
        )

    def _agree(self, known: dict[str, Any] | None, wanted: dict[str, Any]) -> None:
        """Write the definition of a new search, or raise `InputError` if the known one differs from it."""
        if known is None:
            write_atomically(self.definition, json.dumps(wanted, indent=2, allow_nan=False).encode())
            return
        try:
            old, new = dict(flat(known)), dict(flat(wanted))
        except RecursionError:  # JSON may be deeper than any sweep is
            raise self._no_definition() from None
        changes = [
            f"{shown(path)[1:-1]} was {written(old.get(path))} and is {written(value)}"
            for path, value in differences(old, new, ADJUSTABLE).items()
        ]
        if changes:
            raise InputError(
                f"sweep directory: expected that of this sweep, received {self.path}, which holds another one "
                f"({'; '.join(changes[:3])}): choose another one with --dir"
            )


def run_name(number: int, repeat: int = 0) -> str:
    """Return the name of a trial's run: trial-0003, and trial-0003.1 for its first repetition."""
    return f"trial-{number:04d}" + (f".{repeat}" if repeat else "")


def _definition(search: Search) -> dict[str, Any]:
    """Return what defines a search, as it is read back from JSON."""
    data = {
        **search.spec.model_dump(mode="json", by_alias=True),
        "base_data": search.base,
        "order": list(search.spec.space),
    }
    definition: dict[str, Any] = json.loads(json.dumps(data, allow_nan=False))
    return definition


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"sweep directory: expected a directory that can be written, received {path} ({error.strerror}): "
        "choose another one with --dir"
    )
