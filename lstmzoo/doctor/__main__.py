"""The command `python -m lstmzoo.doctor`: facts about this machine, and a test that lstmzoo computes correctly here.

It starts with the standard library alone, and TensorFlow runs in another process: so a broken package is one line of
the report and does not end it.
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

from lstmzoo.doctor.checks import NEW_INSTALL, Check, failure, guarded
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
    "SIGKILL": "probably out of memory: close other programs, or give this one more memory",
}
CRASHED = (
    "try CUDA_VISIBLE_DEVICES=-1 (is it the GPU's driver?), then python -m pip install --force-reinstall tensorflow"
)


def examine(say: Callable[[str], None]) -> Findings:
    """Return all facts and checks by section, and call `say` with each line as soon as it is known."""
    looks = {"requirements": requirements, "keras series": keras_series, "places": places, "models": trained_models}
    sections: dict[str, Iterable[Check]] = {
        "versions": guarded("versions", versions, NEW_INSTALL),
        "machine": guarded("machine", machine, NEW_INSTALL),
        "environment": (line for name, look in looks.items() for line in guarded(name, look, NEW_INSTALL)),
        "extras": guarded("extras", extras, NEW_INSTALL),
        "self-test, about ten seconds": self_test(),
    }
    findings: Findings = {}
    for title, lines in sections.items():
        say(title)
        findings[title.partition(",")[0]] = list(_said(lines, say))
    return findings


def _said(lines: Iterable[Check], say: Callable[[str], None]) -> Iterator[Check]:
    """Pass lines on, and say each of them first."""
    for line in lines:
        say(line.row())
        yield line


def self_test(command: Sequence[str] = SELF_TEST, patience: float = PATIENCE) -> Iterator[Check]:
    """Yield the lines of `lstmzoo.doctor.self_test`, which runs in its own process: it may crash, hang or be killed."""
    start, noise = time.monotonic(), ""
    try:
        process = subprocess.Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, errors="replace")
    except OSError as error:
        yield Check("self-test", f"cannot be started: {failure(error)}", False, NEW_INSTALL)
        return
    with _end_after(process, patience):
        for text in process.stdout or ():
            if line := _line(text):
                yield line
            else:
                noise = text.strip() or noise
        if status := process.wait():
            yield _unfinished(status, noise, late=time.monotonic() - start >= patience)


@contextmanager
def _end_after(process: subprocess.Popen[str], patience: float) -> Iterator[None]:
    """Kill the process after `patience` seconds, and also at the end of the block, however it ends."""
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
    """Return a line of the self-test, or None for a message of TensorFlow."""
    try:
        return Check(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _unfinished(status: int, noise: str, late: bool) -> Check:
    """Return the check of a self-test that did not reach its end; `noise`: the last line that its process printed."""
    last = f": {noise[:160]}" if noise else ""
    if late:
        return Check("self-test", "it took too long, and was stopped", False, CRASHED)
    if status < 0:
        name = signal.Signals(-status).name
        return Check("self-test", f"the process was ended by {name}{last}", False, CRASHES.get(name, CRASHED))
    return Check("self-test", f"the process ended with status {status}{last}", False, NEW_INSTALL)


def doctor(as_json: bool = False) -> None:
    """Show what is installed on this machine, and test in ten seconds that it computes correctly."""
    findings = examine((lambda text: None) if as_json else _print)
    failed = [line.name for lines in findings.values() for line in lines if line.ok is False]
    if as_json:
        sections = {title: [line._asdict() for line in lines] for title, lines in findings.items()}
        print(json.dumps({"lstmzoo": VERSION, "ok": not failed, **sections}, indent=2, allow_nan=False))
    if failed:
        where = "the key advice" if as_json else "the text after ->"
        raise EnvironmentFailure(f"not well: {', '.join(failed)} ({where} says what to do)")
    if not as_json:
        print("all is well")


def _print(text: str) -> None:
    print(printable(text), flush=True)


def main(prog_name: str) -> None:
    """Run the command line of `python -m lstmzoo.doctor`; with argparse, since typer may be the broken package."""
    lend_streams()
    parser = argparse.ArgumentParser(prog=prog_name, description=doctor.__doc__, add_help=False)
    parser.add_argument(
        "-h", "--help", action="store_true", help="show this message"
    )  # argparse's own hides a full disk
    parser.add_argument("--json", action="store_true", help="print everything as JSON, for programs")
    given = parser.parse_args()
    run_and_leave(lambda: print(parser.format_help(), end="") if given.help else doctor(given.json))


if __name__ == "__main__":
    main("python -m lstmzoo.doctor")
