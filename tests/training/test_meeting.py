"""The meeting of workers: who is let in, what is said of others, and how one that leaves is noticed."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from lstmzoo.errors import EnvironmentFailure, InputError, Interrupted
from lstmzoo.system.addresses import check_address, check_hosts, place_of, resolve
from lstmzoo.training.hosts import line as lines
from lstmzoo.training.hosts.line import Gone, Line
from lstmzoo.training.hosts.meeting import NAME, join, lead
from lstmzoo.training.hosts.peers import Peers

FACTS = {"versions": {"numpy": "2.1", "python": "3.11.1"}, "device": "cpu", "machine": "x86_64", "git_commit": "a"}


@pytest.mark.parametrize(
    ("hosts", "index", "said"),
    [
        (["a:1", "a:1"], 0, "hosts: expected different addresses, received 'a:1' twice"),
        (["a"], 0, "hosts: expected HOST:PORT such as 127.0.0.1:5000, received 'a'"),
        (["a:0", "b:1"], 0, "received 'a:0'"),
        (["a:70000", "b:1"], 0, "received 'a:70000'"),
        (["a:1", ""], 0, "received ''"),
        ([""], 0, "received ''"),
        (["a:1", "b:2"], 2, "index: expected 0 to 1, the place in hosts, received 2"),
        (["a:1", "b:2"], -1, "received -1"),
        (["a:1", "b:2"], True, "received True"),
        (["[::1]:5000", "b:1"], 0, "hosts: expected a name or an IPv4 address, received '[::1]:5000'"),
        ("a:1", 0, "hosts: expected a list of addresses, received 'a:1'"),
        (None, 0, "hosts: expected a list of addresses, received None"),
        ([1, 2], 0, "hosts: expected HOST:PORT such as 127.0.0.1:5000, received 1"),
        ([None], 0, "received ''"),
        ([], 1, "index: expected 0 without other hosts, received 1"),
    ],
)
def test_addresses_that_no_run_can_have(hosts, index, said):
    with pytest.raises(InputError, match=re.escape(said)):
        check_hosts(hosts, index)


@pytest.mark.parametrize(("address", "place"), [("a:5000", ("a", 5000)), ("[::1]:80", ("::1", 80))])
def test_an_address_has_host_and_port(address, place):
    check_address("hosts", address)
    assert place_of(address) == place


@pytest.fixture
def hosts():
    """Two free addresses."""
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    found = [f"127.0.0.1:{door.getsockname()[1]}" for door in doors]
    for door in doors:
        door.close()
    return found


def test_a_host_that_does_not_exist_is_named():
    assert resolve("hosts", "localhost:5000")
    with pytest.raises(InputError, match=r"hosts: expected a host that exists, received 'no such.name:5000' \("):
        resolve("hosts", "no such.name:5000")


def first(text, size=None):
    """A first message, of a false size if one is given."""
    return lines.HEAD.pack(len(text) if size is None or size > 1 << 20 else size, 0 if size is None else size) + text


class Leader(threading.Thread):
    """The leader of a meeting, in a thread: its lines, or its error."""

    def __init__(self, hosts, wait=20.0):
        super().__init__()
        self.hosts, self.wait, self.said, self.lines, self.error = hosts, wait, [], {}, None
        self.start()

    def run(self):
        try:
            self.lines = lead(self.hosts, FACTS, self.wait, self.said.append)
        except (InputError, EnvironmentFailure) as error:
            self.error = error


def joined(hosts, index=1, facts=FACTS, wait=20.0):
    return join(hosts, index, facts, wait, lambda text: None)


def test_all_meet_and_a_message_arrives(hosts):
    leader = Leader(hosts)
    line = joined(hosts)
    leader.join()
    leader.lines[1].send({"start": 1}, b"x" * 100_000)
    assert line.receive() == ({"start": 1}, b"x" * 100_000)
    line.close()
    with pytest.raises(Gone):
        leader.lines[1].receive()
    leader.lines[1].close()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"versions": {"numpy": "2.0"}}, "numpy 2.1 (the leader) and 2.0"),
        ({"device": "gpu"}, "device cpu (the leader) and gpu"),
        ({"machine": "arm64", "versions": {"numpy": "1"}}, "numpy 2.1 (the leader) and 1, machine x86_64"),
    ],
)
def test_another_version_or_machine_is_refused_by_name_at_both(hosts, changed, said):
    leader = Leader(hosts)
    with pytest.raises(InputError) as found:
        joined(hosts, facts={**FACTS, **changed})
    leader.join()
    assert f"worker 1 ({hosts[1]}): expected what the leader has, received {said}" in str(found.value)
    assert str(leader.error) == str(found.value)


def test_another_python_may_take_part(hosts):
    leader = Leader(hosts)
    joined(hosts, facts={**FACTS, "versions": {"numpy": "2.1", "python": "3.11.2"}, "git_commit": None}).close()
    leader.join()
    assert leader.error is None


@pytest.mark.parametrize(
    ("hello", "said"),
    [
        ({"index": 1, "hosts": ["a:1", "b:2"]}, "hosts: expected the same on each host, received"),
        ({"index": 0}, "index: expected 0 to 1, received 0"),
        ({"index": 2}, "index: expected 0 to 1, received 2"),
        ({"index": "1"}, "index: expected 0 to 1, received 1"),
    ],
)
def test_another_command_line_is_refused(hosts, hello, said):
    leader = Leader(hosts)
    line = knock(hosts)
    line.send({"name": NAME, "hosts": hosts, "environment": FACTS, **hello})
    assert said in line.receive().facts["refused"]
    leader.join()
    assert said in str(leader.error)


def test_an_index_that_two_have_is_refused(hosts):
    three = [*hosts, "127.0.0.1:9"]
    leader, found = Leader(three), []
    first = threading.Thread(target=lambda: found.append(failure(lambda: joined(three))))
    first.start()
    line = knock(three)
    time.sleep(0.5)
    line.send({"name": NAME, "hosts": three, "environment": FACTS, "index": 1})
    first.join()
    leader.join()
    assert "received 1 twice" in str(leader.error) and str(found[0]) == str(leader.error)


def failure(call):
    with pytest.raises(InputError) as found:
        call()
    return found.value


def knock(hosts):
    """A connection to the leader, once it is there."""
    while True:
        try:
            return Line(socket.create_connection(place_of(hosts[0]), timeout=1))
        except OSError:
            time.sleep(0.02)


@pytest.mark.parametrize(
    "words",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x02{}", b"\x7f\xff\xff\xff", b"\0\0\0\x04null", b"\0\0\0\x05[1,2]", b""],
)
def test_others_are_sent_away(hosts, words):
    """A browser, a scanner of ports, an endless message: the meeting goes on."""
    leader = Leader(hosts)
    line = knock(hosts)
    line.end.sendall(words)
    if not words:
        line.close()
    worker = joined(hosts)
    leader.join()
    assert leader.error is None
    for each in (line, worker, leader.lines[1]):
        each.close()


def test_who_does_not_come_is_named(hosts):
    leader = Leader([*hosts, "127.0.0.1:9"], wait=0.6)
    leader.join()
    named = (
        f"worker 1 ({hosts[1]}), worker 2 (127.0.0.1:9) did not come within 0.60 s: start the same command on each host"
    )
    assert isinstance(leader.error, EnvironmentFailure) and named in str(leader.error)
    with pytest.raises(
        EnvironmentFailure,
        match=rf"the leader, worker 0 \({hosts[0]}\) did not come within 0.30 s, Connection refused: ",
    ):
        joined(hosts, wait=0.3)


def test_who_is_waited_for_is_said(hosts, monkeypatch):
    monkeypatch.setattr("lstmzoo.training.hosts.meeting.LATE", 0.2)
    leader = Leader(hosts)
    while not leader.said:
        time.sleep(0.05)
    joined(hosts).close()
    leader.join()
    (said,) = leader.said
    assert said.startswith(f"waiting for worker 1 ({hosts[1]}) (at most ") and said.endswith(
        " s more); see its messages"
    )


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_that_is_taken_is_named(hosts, index):
    with socket.create_server(("", place_of(hosts[index])[1])):
        call = (lambda: lead(hosts, FACTS, 1.0, print)) if index == 0 else (lambda: joined(hosts))
        said = str(failure(call))
    port = place_of(hosts[index])[1]
    assert said.startswith(f"hosts: expected a free port on 127.0.0.1, received {port} (another program uses it)")


@pytest.fixture
def pair(hosts):
    """Peers of a leader and of a worker that follows, as they watch each other."""
    leader = Leader(hosts)
    line = joined(hosts)
    leader.join()
    one, two = Peers(hosts, 0, leader.lines), Peers(hosts, 1, {0: line})
    for each in (one, two):
        each.watch()
    return one, two


class UnavailableError(Exception):
    """As TensorFlow's."""

    __module__ = "tensorflow.python.framework.errors_impl"


def test_one_that_leaves_without_a_word_has_gone(pair, hosts):
    one, two = pair
    one.note_saved(750)
    two.lines[0].close()
    error = one.failure(UnavailableError("..."))
    advice = "the checkpoint of step 750 is intact; start all again with --resume"
    assert str(error) == f"worker 1 ({hosts[1]}) has gone: {advice}" and error.exit_status == 1
    assert one.failure(ValueError("of another kind")) is None


def test_the_leader_says_what_is_saved_and_why_it_ends(pair, hosts):
    one, two = pair
    one.note_saved(60)
    with pytest.raises(EnvironmentFailure), one:
        raise EnvironmentFailure("the disk is full")
    assert str(two.failure(UnavailableError("..."))) == (
        f"worker 0 ({hosts[0]}) has gone (the disk is full): the checkpoint of step 60 is intact; start all again with "
        "--resume"
    )


def test_silence_is_noticed_and_an_error_names_its_worker(pair, hosts, monkeypatch):
    one, two = pair
    monkeypatch.setattr("lstmzoo.training.hosts.peers.SILENCE", 0.1)
    monkeypatch.setattr("lstmzoo.training.hosts.peers.GRACE", 0.1)
    error = one.failure(UnavailableError("from /job:worker/replica:0/task:1 while"))
    assert str(error).startswith(f"worker 1 ({hosts[1]}) cannot be reached (from /job:")
    assert one.failure(UnavailableError("of one's own")) is None
    monkeypatch.setattr(two.lines[0], "send", lambda facts: None)  # no beats
    with pytest.raises(Gone, match="silent"):
        while True:
            one.lines[1].receive(1.5)


def test_who_is_done_may_leave_and_the_leader_leaves_last(pair):
    one, two = pair
    left = []

    def leave(each):
        with each:
            pass
        left.append(each.index)

    follower = threading.Thread(target=leave, args=(two,))
    follower.start()
    time.sleep(0.3)
    assert left == []
    leave(one)
    follower.join(5)
    assert sorted(left) == [0, 1] and one.gone is None and two.gone is None


def test_a_leader_that_fails_at_the_end_is_no_success_of_the_others(pair):
    one, two = pair
    threading.Timer(0.3, one.lines[1].close).start()
    with pytest.raises(EnvironmentFailure, match="worker 0 .* has gone"), two:
        pass


def test_all_wait_until_all_are_ready(pair):
    one, two = pair
    came = []

    def come(each):
        with each.all_ready():
            came.append(each.index)

    follower = threading.Thread(target=come, args=(two,))
    follower.start()
    time.sleep(0.4)
    assert came == []
    come(one)
    follower.join(5)
    assert sorted(came) == [0, 1]


def test_a_signal_that_ends_one_ends_the_others(pair):
    _, two = pair
    received = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
    try:
        with pytest.raises(Interrupted), two:
            raise Interrupted(signal.SIGTERM, "stopped")
        limit = time.monotonic() + 5
        while not received and time.monotonic() < limit:
            time.sleep(0.05)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]


@pytest.mark.parametrize("work", ["pass", "time.sleep(9)"])
def test_a_deadline_ends_a_process_that_hangs(work):
    code = (
        "import ctypes, time\nfrom lstmzoo.system.deadline import deadline\n"
        f"with deadline(0.5, 'it hangs'):\n    {work.replace('time.sleep(9)', 'ctypes.PyDLL(None).sleep(9)')}\n"
    )  # PyDLL keeps Python's lock
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=8)
    assert (done.returncode, done.stderr) == ((0, "") if work == "pass" else (1, "it hangs\n"))
