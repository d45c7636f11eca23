"""Signals where Python's own handler cannot help: swallowed exceptions, and a main thread that is busy in C++."""

import signal
import subprocess
import sys
import time

import pytest

from lstmzoo.errors import Interrupted
from lstmzoo.system.signals import StopSignals

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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


def test_the_first_signal_is_kept_and_the_second_raises():
    with StopSignals() as stop:
        stop.patient = True
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == signal.SIGTERM
        signal.raise_signal(signal.SIGTERM)  # `timeout` sends it twice: the same press
        time.sleep(0.4)
        with pytest.raises(Interrupted, match="stopped by SIGINT"):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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
