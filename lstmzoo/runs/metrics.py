"""metrics.jsonl: one JSON object a step, appended to while the run goes on, cut back where a run goes on again."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstmzoo.errors import InputError

Line = dict[str, Any]
LONGEST = 2**16  # bytes of a line: what is longer is none, and a file without lines is not read into memory


class Metrics:
    """The file, and its size as this process left it."""

    def __init__(self, path: Path):
        self.path, self.size = path, 0

    def append(self, lines: list[Line]) -> None:
        """Write the lines of some steps; `OSError` if anybody else has changed the file."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        with open(descriptor, "wb") as file:  # noqa: PTH123  (Path.open takes no descriptor)
            if file.seek(0, os.SEEK_END) != self.size:
                raise OSError(f"{self.path.name} was changed or removed by something else")
            file.write("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode())
            file.flush()
            self.size = file.tell()

    def flush(self) -> None:
        """See to it that the lines outlast a power cut: a checkpoint relies on them."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def read(self, steps: int, listen: Callable[[Line], None]) -> int:
        """Tell `listen` of the lines of steps 1 to `steps`: their size in bytes; `InputError` if one is not there."""
        size = 0
        try:
            with self.path.open("rb") as file:
                for step in range(1, steps + 1):
                    text = file.readline()
                    listen(_checked(text, step))
                    size += len(text)
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{self.path}: expected the lines of steps 1 to {steps}, received {_reason(error)}: "
                "restore the run's own file, or begin a new run"
            ) from error
        return size

    def read_whole(self, listen: Callable[[Line], None]) -> int:
        """Tell `listen` of every line that is whole: their number; 0 if there is no file.

        The last one is left out if it is half-written: the run may be going on, or was killed. Raises `InputError` for
        a line that is none; `listen` may raise `ValueError` for it, saying what was received.
        """
        step = 0
        try:
            with self.path.open("rb") as file:
                while (text := file.readline(LONGEST)).endswith(b"\n"):
                    step += 1
                    listen(_checked(text, step))
            if len(text) == LONGEST:
                raise ValueError(f"what is no line after step {step}")
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"{self.path}: expected a line for each step, received {_reason(error)}: restore the run's own file, "
                "or leave the run out"
            ) from error
        return step

    def cut(self, size: int) -> None:
        """Keep so many bytes."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            os.ftruncate(descriptor, size)
        finally:
            os.close(descriptor)
        self.size = size


def _checked(text: bytes, step: int) -> Line:
    if not text.endswith(b"\n"):
        raise ValueError(f"none of step {step}")
    line = json.loads(text)
    loss = line.get("train_loss") if isinstance(line, dict) else None
    if not isinstance(loss, float) or not math.isfinite(loss) or line.get("step") != step:
        raise ValueError(f"another one in place of step {step}")
    return line


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"a file that cannot be read ({error.strerror})"
    known = type(error) is ValueError  # ours; JSON's are of other kinds
    return str(error) if known else "what is no JSON"
