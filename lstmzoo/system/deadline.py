"""A deadline for a call that keeps Python's lock, so that no thread of ours runs and no signal is answered."""

import faulthandler
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lstmzoo.system.signals import last_words

_CODE = "import os, sys; os.read(0, 1) or os.write(2, sys.argv[1].encode())"


@contextmanager
def deadline(seconds: float, message: str) -> Iterator[None]:
    """End this process with status 1 and a message on stderr, unless the work in the context ends in time.

    The end comes from a thread in C, which needs no lock; another process prints the message then.
    """
    words = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _CODE, f"{message}\n"],
        stdin=subprocess.PIPE,
        stderr=last_words[-1],
        start_new_session=True,  # a Ctrl-C is not for it
    )
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            words.communicate(b"x")
