"""Whether several hosts pay: a rule that warns of nets too small for them, and where it is said."""

import importlib
import re
from types import SimpleNamespace

import pytest

import lstmzoo
from lstmzoo.config.plan import make_plan
from lstmzoo.execution.auto import explain_hosts
from lstmzoo.training import follow
from lstmzoo.training.describe import warn_of_hosts
from lstmzoo.training.hosts.peers import Peers
from lstmzoo.training.progress import SilentProgress
from tests.helpers.places import ECHO

HOSTS = ("a:5000", "b:5000")
ECHO_4, SMALL, LARGE = 106, 239_297, 3_316_289  # parameters: 1 x 4, 2 x 128 and 2 x 512 with 65 symbols
ROWS = [  # parameters, B, T, threads, shards, workers, ring, pays
    (ECHO_4, 5, 15, 1, 2, 2, False, False),
    (ECHO_4, 5, 15, 1, 2, 2, True, False),
    (ECHO_4, 1000, 15, 1, 2, 2, False, False),
    (SMALL, 50, 50, 1, 2, 2, False, True),
    (SMALL, 50, 50, 1, 4, 4, False, True),
    (SMALL, 50, 50, 1, 50, 50, False, False),  # each host waits for 49 vectors
    (SMALL, 8, 20, 1, 2, 2, False, False),
    (LARGE, 64, 100, 1, 2, 2, False, True),
    (LARGE, 64, 100, 1, 64, 64, False, False),
    (LARGE, 64, 100, 1, 64, 64, True, True),
    (LARGE, 64, 100, 16, 32, 2, False, False),  # a vector for each of 16 cores
    (LARGE, 64, 100, 16, 32, 2, True, True),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "lanes", "steps", "threads", "shards", "workers", "ring", "pays"), ROWS)
def test_the_rule(parameters, lanes, steps, threads, shards, workers, ring, pays):
    found, reason = explain_hosts(parameters, lanes, steps, threads, shards, workers, ring)
    assert found == pays
    assert reason.endswith("faster") == (not pays) and f"or more on {workers} (" in reason


MEASURED = [  # parameters, B, T, ms of one worker and of two, as in experiments/speed/hosts.md
    (ECHO_4, 5, 15, 0.0368, 0.524),
    (SMALL, 50, 50, 23.8, 16.0),
    (LARGE, 64, 100, 732, 421),
]


@pytest.mark.parametrize(("parameters", "lanes", "steps", "one", "two"), MEASURED)
def test_the_rule_is_near_what_was_measured(parameters, lanes, steps, one, two):
    _, reason = explain_hosts(parameters, lanes, steps, 1, 2, 2)
    said = [float(found) for found in re.findall(r"([0-9.]+) ms", reason)[:2]]
    assert 0.6 < said[0] / one < 1.5 and 0.5 < said[1] / two < 1.5, reason
    assert (said[0] < said[1]) == (one < two)


class Said(SilentProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


@pytest.mark.parametrize(
    ("kernel", "hosts", "warns"), [("xla", HOSTS, True), ("xla", (), False), ("scan", HOSTS, False)]
)
def test_a_run_on_several_hosts_says_that_it_does_not_pay(kernel, hosts, warns):
    """Of other kernels nothing was measured."""
    plan = make_plan(lstmzoo.load_config(ECHO, [f"execution.kernel={kernel}"]), "cpu", max(len(hosts), 1))
    assert bool(warn_of_hosts(plan, hosts)) == warns
    if hosts:
        progress = Said()
        follow._introduce(SimpleNamespace(is_over=False, plan=plan), Peers(hosts), progress)
        said = [line for line in progress.said if line.endswith("one host alone is faster")]
        assert len(said) == warns and all(line.startswith("warning: a step takes about 0.0") for line in said)


def test_plan_says_it(capsys):
    importlib.import_module("lstmzoo.run").run(ECHO, plan=True, hosts=",".join(HOSTS))
    assert capsys.readouterr().out.splitlines()[-1].startswith("warning      a step takes about ")
