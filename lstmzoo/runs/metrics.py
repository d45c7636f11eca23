"""The file metrics.jsonl: one JSON object a step, appended to while a run goes on, cut back on a resume."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmzoo.errors import InputError, shown
from lstmzoo.system.reader import open_file

METRICS = "metrics.jsonl"
Line = dict[str, Any]
LONGEST = 2**16  # bytes of a line: what is longer is none, and a file without lines is not read into memory


class Metrics:
    """The file, and the size that this process gave it."""

    def __init__(self, path: Path):
        self.path, self.size = path, 0

    def append(self, lines: list[Line]) -> None:
        """Write the lines of some steps; `OSError` if another process has changed the file."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with open(descriptor, "wb") as file:  # noqa: PTH123  (Path.open takes no descriptor)
            if file.seek(0, os.SEEK_END) != self.size:
                raise OSError(f"{self.path.name} was changed or removed by something else")
            file.write("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode())
            file.flush()
            self.size = file.tell()

    def flush(self) -> None:
        """Flush the lines to the disk, so that they survive a power cut: a checkpoint relies on them."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def read(self, steps: int, take: Callable[[Line], None]) -> int:
        """Give the lines of steps 1 to `steps` to `take`: their size in bytes; `InputError` if one is not there."""
        size = 0
        try:
            with open_file(self.path) as file:
                for step in range(1, steps + 1):
                    text = file.readline(LONGEST)
                    take(checked_line(text, step))
                    size += len(text)
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{self.path}: expected the lines of steps 1 to {steps}, received {_reason(error)}: "
                "restore the run's own file, or begin a new run"
            ) from error
        return size

    def read_whole(self, take: Callable[[Line], None]) -> int:
        """Give every line that is whole to `take`: their number; 0 if there is no file.

        The last one is left out if it is half-written: the run may be going on, or was killed. Raises `InputError` for
        a line that is none; `take` may raise `ValueError` for it, saying what was received.
        """
        step = 0
        try:
            with open_file(self.path) as file:
                while (text := file.readline(LONGEST)).endswith(b"\n"):
                    step += 1
                    take(checked_line(text, step))
            if len(text) == LONGEST:
                raise ValueError(f"text without a line end after step {step}")
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{self.path}: expected a line for each step, received {_reason(error)}: restore the run's own file, "
                "or leave the run out"
            ) from error
        return step

    def follow(self, size: int, take: Callable[[bytes], None]) -> int:
        """Give the whole lines behind the first `size` bytes to `take`, unread: the new size.

        For a run that goes on in another process. Raises `OSError` if there is no file, and `ValueError` if it was cut
        back to less than `size`.
        """
        with open_file(self.path) as file:
            file.seek(max(0, size - 1))
            if size and file.read(1) != b"\n":
                raise ValueError("cut back since the last look")
            while (text := file.readline(LONGEST)).endswith(b"\n"):
                take(text)
                size += len(text)
        return size

    def cut(self, size: int) -> None:
        """Cut the file back to so many bytes."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)
        self.size = size


def checked_line(text: bytes, step: int) -> Line:
    """Return the line of a step; raise `ValueError` (or `RecursionError`) for half a line and for another one."""
    if not text.endswith(b"\n"):
        raise ValueError(f"a file without the line of step {step}")
    line = json.loads(text)
    wanted = {"step", "epoch", "learning_rate"}  # and train_loss, where a target counts
    if not isinstance(line, dict) or line.get("step") != step or not wanted <= line.keys():
        raise ValueError(f"another line in the place of step {step}")
    for name, value in line.items():
        if not _is_finite(value):
            raise ValueError(f"{shown(value)} as {name} of step {step}")
    return line


def _is_finite(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"a file that cannot be read ({error.strerror})"
    known = type(error) is ValueError  # ours; JSON's are of other kinds
    return str(error) if known else "a line that is not JSON"
