"""`python -m lstmzoo.doctor`: what lstmzoo finds on this machine, and whether it computes rightly here.

It starts with the standard library alone, and TensorFlow runs in another process: what is broken is a line.
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, STDOUT

from lstmzoo.doctor.checks import ANEW, Check, failure, guarded
from lstmzoo.doctor.host import machine, places, trained_models
from lstmzoo.doctor.installed import extras, keras_series, requirements, versions
from lstmzoo.errors import EnvironmentFailure
from lstmzoo.system.command_line import lend_streams, run_and_leave
from lstmzoo.system.terminal import printable
from lstmzoo.system.version import VERSION

Findings = dict[str, list[Check]]

SELF_TEST = (sys.executable, "-m", "lstmzoo.doctor.self_test")
PATIENCE = 300.0  # seconds for the self-test: a slow disk may take a minute for TensorFlow alone
CRASHES = {
    "SIGILL": "TensorFlow was built for a processor with more instructions (AVX): install a build for this one",
    "SIGKILL": "most likely for want of memory: end other programs, or allow this one more",
}
CRASHED = (
    "try CUDA_VISIBLE_DEVICES=-1 (is it the GPU's driver?), then python -m pip install --force-reinstall tensorflow"
)


def examine(say: Callable[[str], None]) -> Findings:
    """All that can be known, section by section; `say` is given each line as soon as it is known."""
    looks = {"requirements": requirements, "keras series": keras_series, "places": places, "models": trained_models}
    sections: dict[str, Iterable[Check]] = {
        "versions": guarded("versions", versions, ANEW),
        "machine": guarded("machine", machine, ANEW),
        "surroundings": (line for name, look in looks.items() for line in guarded(name, look, ANEW)),
        "extras": guarded("extras", extras, ANEW),
        "self-test, about ten seconds": self_test(),
    }
    found: Findings = {}
    for title, lines in sections.items():
        say(title)
        found[title.partition(",")[0]] = list(_told(lines, say))
    return found


def _told(lines: Iterable[Check], say: Callable[[str], None]) -> Iterator[Check]:
    for line in lines:
        say(line.row())
        yield line


def self_test(command: Sequence[str] = SELF_TEST, patience: float = PATIENCE) -> Iterator[Check]:
    """The lines of `lstmzoo.doctor.self_test` in a process of its own, which may crash, hang or be killed."""
    start, noise = time.monotonic(), ""
    try:
        process = subprocess.Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, errors="replace")
    except OSError as error:
        yield Check("self-test", f"cannot be started: {failure(error)}", False, ANEW)
        return
    with _ended_at_last(process, patience):
        for text in process.stdout or ():
            if line := _line(text):
                yield line
            else:
                noise = text.strip() or noise
        if status := process.wait():
            yield _unfinished(status, noise, late=time.monotonic() - start >= patience)


@contextmanager
def _ended_at_last(process: subprocess.Popen[str], patience: float) -> Iterator[None]:
    """The process ends with its time, and with the block, whatever ends that."""
    clock = threading.Timer(patience, process.kill)
    clock.daemon = True
    clock.start()
    with process:
        try:
            yield
        finally:
            clock.cancel()
            process.kill()


def _line(text: str) -> Check | None:
    """A line of the self-test, or None for what TensorFlow has to say."""
    try:
        found = json.loads(text)
        return Check(**found)
    except (ValueError, TypeError):
        return None


def _unfinished(status: int, noise: str, late: bool) -> Check:
    """A self-test that did not come to its end; `noise`: the last that the process said."""
    last = f": {noise[:160]}" if noise else ""
    if late:
        return Check("self-test", "it took too long, and was ended", False, CRASHED)
    if status < 0:
        name = signal.Signals(-status).name
        return Check("self-test", f"the process was ended by {name}{last}", False, CRASHES.get(name, CRASHED))
    return Check("self-test", f"the process ended with status {status}{last}", False, ANEW)


def doctor(as_json: bool = False) -> None:
    """Say what is installed and found here, and test in ten seconds that it computes rightly."""
    found = examine((lambda text: None) if as_json else _print)
    failed = [line.name for lines in found.values() for line in lines if line.ok is False]
    if as_json:
        sections = {title: [line._asdict() for line in lines] for title, lines in found.items()}
        print(json.dumps({"lstmzoo": VERSION, "ok": not failed, **sections}, indent=2))
    if failed:
        raise EnvironmentFailure(f"not well: {', '.join(failed)} (what to do stands behind ->)")
    if not as_json:
        print("all is well")


def _print(text: str) -> None:
    print(printable(text), flush=True)


def main(prog_name: str) -> None:
    """`python -m lstmzoo.doctor`; argparse, for typer may be what is broken."""
    lend_streams()
    parser = argparse.ArgumentParser(prog=prog_name, description=doctor.__doc__)
    parser.add_argument("--json", action="store_true", help="all of it for programs")
    given = parser.parse_args()
    run_and_leave(lambda: doctor(given.json))


if __name__ == "__main__":
    main("python -m lstmzoo.doctor")
