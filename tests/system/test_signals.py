"""Signals where Python's own handler cannot help: swallowed exceptions, and a main thread that is busy in C++."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from lstmzoo.errors import Interrupted
from lstmzoo.system.signals import SIGNALS, StopSignals

SWALLOWED = """
import time
from lstmzoo.system.signals import StopSignals
with StopSignals(may_leave=True) as stop:
    stop.before_leaving = lambda: print("written", flush=True)
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""
BUSY = "__import__('hashlib').pbkdf2_hmac('sha256', b'x', b'y', 10**9)"  # in C, without Python's lock
STUCK = SWALLOWED.replace("while True", "stop.patient = True\n    while True").replace("time.sleep(60)", BUSY)


def started(code):
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_a_swallowed_interruption_still_ends_the_process(number):
    process = started(SWALLOWED)
    start = time.perf_counter()
    process.send_signal(number)
    out, error = process.communicate(timeout=30)
    assert time.perf_counter() - start < 2
    assert (process.returncode, out, error) == (128 + number, "written\n", f"stopped by {number.name}\n")


def test_a_busy_call_is_announced_and_a_second_signal_leaves():
    process = started(STUCK)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert process.poll() is None
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert time.perf_counter() - start < 2
    assert process.returncode == 130
    assert error.splitlines()[0] == "stopping after the current graph call; a second signal stops at once"


def test_nohup_is_obeyed():
    process = started(f"import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n{SWALLOWED}")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.kill()
    process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("module", ["run", "sweep"])
def test_a_closed_terminal_is_a_checkpoint_and_status_129(tmp_path, module):
    """What is written to a terminal that is gone is an error of its own, which must not end the run before."""
    words = {
        "run": ["echo", "--set", "train.time_budget=600", "--run-dir", str(tmp_path / "run")],
        "sweep": ["echo", "--dir", str(tmp_path / "sweep")],
    }[module]
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-m", f"lstmzoo.{module}", *words])
    until = time.monotonic() + 60
    while not list(tmp_path.glob("run/metrics.jsonl" if module == "run" else "sweep/trial-0000/metrics.jsonl")):
        os.set_blocking(terminal, False)
        with suppress(BlockingIOError):
            os.read(terminal, 100_000)
        assert time.monotonic() < until
        time.sleep(0.05)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    if module == "run":
        assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "interrupted"
        assert list((tmp_path / "run" / "checkpoints").glob("*.safetensors"))


@pytest.mark.parametrize("error", [AssertionError, ValueError, OSError, RuntimeError])
def test_another_error_that_a_library_makes_of_a_signal_is_the_signal(error):
    with pytest.raises(Interrupted, match="stopped by SIGTERM") as caught, StopSignals():
        try:
            signal.raise_signal(signal.SIGTERM)
        except Interrupted:
            raise error from None
    assert caught.value.exit_status == 143


def test_an_error_after_a_signal_that_waits_for_its_moment_stays():
    with pytest.raises(OSError), StopSignals() as stop:
        stop.patient = True
        signal.raise_signal(signal.SIGTERM)
        raise OSError


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGINT), (signal.SIGUSR1, signal.SIGUSR1), (signal.SIGUSR1, signal.SIGTERM)],
)
def test_the_first_signal_is_kept_and_the_second_raises(first, second):
    before = [signal.getsignal(each) for each in SIGNALS]
    with StopSignals() as stop:
        stop.patient = True
        signal.raise_signal(first)
        assert stop.received == first
        signal.raise_signal(first)  # `timeout` sends it twice: the same press
        time.sleep(0.4)
        with pytest.raises(Interrupted, match=f"stopped by {second.name}"):
            signal.raise_signal(second)
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_as_a_library_the_process_is_never_ended():
    code = (
        SWALLOWED.replace("may_leave=True", "")
        .replace("time.sleep(60)", "time.sleep(60); break")
        .replace("pass", "print('raised'); break")
    )
    process = started(code + "print('still here')\n")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "raised\nstill here\n")
