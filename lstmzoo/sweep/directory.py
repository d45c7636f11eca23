"""A search on disk: trials, results, and what the next start goes on from. No TensorFlow."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from typing_extensions import Self

from lstmzoo.config.differences import differences, flat
from lstmzoo.errors import InputError
from lstmzoo.sweep.space.search import Search
from lstmzoo.system.files import write_atomically
from lstmzoo.zoo.pretrained import refuse_to_write

MAY_CHANGE = (
    "search.trials",
    "max_failed",
    "trial_timeout",
    "worker_timeout",
    "name",
    "base",
)  # may change from start to start


class SweepDirectory:
    """Where the parts of a search are."""

    def __init__(self, path: Path):
        self.path, inside = path, path / "search"
        self.inside, self.logs, self.plots, self.tensorboard = (
            inside,
            path / "logs",
            path / "plots",
            path / "tensorboard",
        )
        self.oracle, self.definition, self.key_file = inside / "oracle.json", inside / "sweep.json", inside / "key"
        self._lock = FileLock(inside / ".lock")

    def prepare(self, search: Search) -> Self:
        """Make it ready for a search; `InputError` for one that holds another search, or something else."""
        refuse_to_write(self.path, "sweep directory", "--dir")
        try:
            known = self._definition()
            inside = [each.name for each in self.path.iterdir()] if self.path.exists() else []
            if known is None and set(inside) - {"search"}:
                raise InputError(
                    f"sweep directory: expected an empty one or that of this sweep, received {self.path}, which holds "
                    "something else: choose another one with --dir"
                )
            self.inside.mkdir(parents=True, exist_ok=True)
            self._agree(known, _definition(search))
            self._check_oracle()
            for folder in (self.logs, self.plots):
                folder.mkdir(exist_ok=True)
            self._make_key()
        except OSError as error:
            raise _unusable(self.path, error) from error
        return self

    def claim(self) -> None:
        """One process at a time hands out its trials."""
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise InputError(
                f"sweep directory: expected one in which no other search runs, received {self.path}: wait for that one "
                "to end, join it with --join HOST:PORT, or choose another directory with --dir"
            ) from error

    def release(self) -> None:
        """Let others search."""
        self._lock.release()

    @property
    def key(self) -> str:
        """What workers show to the chief: that they work on this very directory."""
        return self.key_file.read_text(encoding="ascii")

    def run(self, number: int, repeat: int = 0) -> Path:
        """The run directory of a trial."""
        return self.path / run_name(number, repeat)

    def log(self, name: str) -> Path:
        """What a trial had to say."""
        return self.logs / f"{name}.log"

    def _check_oracle(self) -> None:
        try:
            found = json.loads(self.oracle.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("trials"), list) or "forgiven" not in found:
            raise InputError(
                f"expected a search's oracle.json of this version, received {self.oracle}, which is none: restore it, "
                "or begin a new search with another --dir"
            )

    def is_over(self, trials: int) -> bool:
        """Whether so many trials have ended; of a hyperband search nothing is known from outside."""
        if not self.oracle.exists():
            return False
        found = json.loads(self.oracle.read_text(encoding="utf-8"))
        ended = [trial for trial in found["trials"] if trial["status"] in ("COMPLETED", "FAILED")]
        return len(ended) == len(found["trials"]) >= trials and "brackets" not in found

    def _make_key(self) -> None:
        """For its owner alone to read; who comes first makes it."""
        beside = self.key_file.with_name(f".key.{os.getpid()}.tmp")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  (Path.open takes no descriptor)
            file.write(secrets.token_hex(16))
        with suppress(FileExistsError):
            os.link(beside, self.key_file)
        beside.unlink()

    def _definition(self) -> dict[str, Any] | None:
        with suppress(FileNotFoundError):
            try:
                found = json.loads(self.definition.read_text(encoding="utf-8"))
                if isinstance(found, dict):
                    return found
            except (ValueError, RecursionError):
                pass
            raise InputError(f"expected a sweep's sweep.json, received {self.definition}, which is none: restore it")
        return None

    def _agree(self, known: dict[str, Any] | None, wished: dict[str, Any]) -> None:
        if known is None:
            write_atomically(self.definition, json.dumps(wished, indent=2).encode())
            return
        old, new = dict(flat(known)), dict(flat(wished))
        found = [
            f"{path} was {old.get(path)!r} and is {value!r}"
            for path, value in differences(old, new, MAY_CHANGE).items()
        ]
        if found:
            raise InputError(
                f"sweep directory: expected that of this sweep, received {self.path}, which holds another one "
                f"({'; '.join(found[:3])}): choose another one with --dir"
            )


def run_name(number: int, repeat: int = 0) -> str:
    """trial-0003, and trial-0003.1 for its first repetition."""
    return f"trial-{number:04d}" + (f".{repeat}" if repeat else "")


def _definition(search: Search) -> dict[str, Any]:
    """What makes a search this one, as JSON keeps it."""
    data = {
        **search.spec.model_dump(mode="json", by_alias=True),
        "base_data": search.base,
        "order": list(search.spec.space),
    }
    found: dict[str, Any] = json.loads(json.dumps(data))
    return found


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"sweep directory: expected a directory that can be written, received {path} ({error.strerror}): "
        "choose another one with --dir"
    )
