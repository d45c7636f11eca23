"""Mutated configurations: each plans or is refused with status 2 and a message, quickly, and never with a traceback."""

import contextlib
import io
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

import lstmzoo.config.plan  # noqa: F401  (its import is not part of the second)
from lstmzoo.run import _request, _show_plan
from lstmzoo.system.command_line import exit_status

ECHO = """\
name: echo
seed: 0
task: {kind: echo, series_length: 1500, echo_step: 3, fresh_series: true}
model: {kind: stacked_layers, units: [4, 5], dropout: 0.1, recurrent_activation: sigmoid, encoding: auto}
train:
  batch_size: 5
  seq_length: 15
  epochs: 2
  optimizer: {name: adam, learning_rate: 1e-3, beta_1: 0.9}
  schedule: {kind: cosine, warmup_steps: 3}
  grad_clip_norm: 1.0
  reset_state: epoch
validate: {every_steps: 10, fraction: 0.1, patience: 3}
checkpoint: {every_steps: 10, keep: 2}
execution: {kernel: xla, threads: 1, windows_per_call: 4}
"""
CHAR = """\
task: {kind: char, text: play.txt, unit: char, lowercase: false, errors: strict}
model: char_2x128
train: {batch_size: 2, seq_length: 5, time_budget: 10m, optimizer: {name: adagrad, learning_rate: 0.1}}
validate: {fraction: 0.2}
sample: {every_steps: 5, length: 20, temperature: 0.5}
"""
ODD = [
    *(None, True, False, 0, -1, 1, 2, 1.5, -0.0, 1e-300, 1e308, 2**31, 2**63 - 1, 10**30, "", " ", "null", "1", "1e3"),
    *(
        "echo",
        "char",
        "auto",
        "xla",
        "single",
        "\u202e",
        "é" * 70,
        "\U0001f642",
        "a" * 5000,
        "~nobody",
        "/dev/zero",
        "/",
    ),
    *([], {}, [[]], [0], [1, "a"], {"kind": "echo"}, {"a": {"b": {}}}, [{}] * 50, "../../..", "*", "[a", "\x1b[2J"),
]
RAW = [
    *("\t", "\x00", "\x1b", "\x07", "\ufeff", "\u2028", "&a ", "*a", "!!python/object:os.system ", "<<: ", "? ", "- "),
    *(
        "{",
        "}",
        "[",
        "]",
        ": ",
        "#",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "|",
        ">",
        "'",
        '"',
        ".nan",
        ".inf",
        "1_000",
        "0x1F",
    ),
]


@st.composite
def mutated(draw):
    """The text of a configuration with one to four things wrong."""
    text = draw(st.sampled_from([ECHO, CHAR]))
    data = yaml.safe_load(text)
    for _ in range(draw(st.integers(0, 3))):
        _mutate(draw, data)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True) if draw(st.booleans()) else text
    for _ in range(draw(st.integers(0, 2))):
        text = _torn(draw, text)
    return text


def _mutate(draw, data):
    """Drop, retype, misspell, double or nest one of the keys."""
    section = data
    while nested := [value for value in section.values() if isinstance(value, dict) and value]:
        if not draw(st.booleans()):
            break
        section = draw(st.sampled_from(nested))
    if not section:
        return
    key = draw(st.sampled_from(sorted(section, key=str)))
    kind = draw(st.sampled_from(["drop", "retype", "retype", "misspell", "nest", "huge", "strange"]))
    value = section[key]
    if kind == "retype":
        section[key] = draw(st.sampled_from(ODD))
        return
    del section[key]
    if kind == "misspell":
        section[f"{key}"[::-1] if draw(st.booleans()) else f"{key}s"] = value
    elif kind == "nest":
        section[key] = {key: value}
    elif kind == "huge":
        section[key] = draw(st.one_of(st.integers(), st.floats(), st.text(max_size=200)))
    elif kind == "strange":
        section[draw(st.one_of(st.text(max_size=9), st.integers(), st.none()))] = value


def _torn(draw, text):
    """The text with a piece put in, cut out or doubled."""
    first, last = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    kind = draw(st.sampled_from(["put in", "cut out", "double a line", "cut off"]))
    if kind == "put in":
        return text[:first] + draw(st.sampled_from(RAW)) + text[first:]
    if kind == "cut out":
        return text[:first] + text[min(last, first + 20) :]
    if kind == "cut off":
        return text[:last]
    lines = text.splitlines(keepends=True)
    place = draw(st.integers(0, max(len(lines) - 1, 0)))
    return "".join([*lines[: place + 1], *lines[place:]])


def plans_or_is_refused(folder, text):
    """Write the text to a file and plan it as the command line does."""
    (folder / "play.txt").write_text("to be or not to be\n" * 20)
    path = folder / "mutated.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    out, err, start = io.StringIO(), io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = exit_status(lambda: _show_plan(_request(path, [], None, False, {"worker": 0}, True)))
    seconds = time.process_time() - start  # what else runs on the machine does not count
    assert (status == 0 and "windows of" in out.getvalue()) or (status == 2 and err.getvalue().strip()), status
    assert "Traceback" not in err.getvalue()
    assert err.getvalue().replace("\n", "").isprintable()
    assert seconds < 1
    return status


HEALTH = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


@settings(max_examples=300, **HEALTH)
@given(mutated())
def test_mutated_configs_plan_or_are_refused(tmp_path_factory, text):
    plans_or_is_refused(_folder(tmp_path_factory), text)


@pytest.mark.slow
@settings(max_examples=10_000, **HEALTH)
@given(mutated())
def test_ten_thousand_mutated_configs(tmp_path_factory, text):
    plans_or_is_refused(_folder(tmp_path_factory), text)


def _folder(factory, kept=[]):  # noqa: B006  (one for all examples)
    if not kept:
        kept.append(factory.mktemp("fuzz"))
    return kept[0]


@pytest.mark.parametrize("text", [ECHO, CHAR])
def test_what_is_mutated_plans(tmp_path, text):
    assert plans_or_is_refused(tmp_path, text) == 0
