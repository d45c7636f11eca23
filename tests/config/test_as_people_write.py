"""YAML as people write it: what is meant is read, and every problem is told in our own words with its cause."""

import re
from enum import Enum
from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import given, settings, strategies as st
from pydantic import AfterValidator, Field, ValidationError

import lstmzoo
from lstmzoo.config.checking import check
from lstmzoo.config.experiment import Experiment
from lstmzoo.errors import ConfigError
from lstmzoo.schema.places import OURS, _homes, sections_in
from lstmzoo.schema.problems import explain
from lstmzoo.schema.section import Section
from lstmzoo.schema.yaml_reader import parse_yaml
from lstmzoo.sweep.space.foreign import KEYS, WORDS, foreign_words
from lstmzoo.sweep.space.sections import SweepSpec

GOOD = "task: {kind: echo}\nmodel: {units: 4}\ntrain: {epochs: 1}\n"


def load(tmp_path, text):
    (tmp_path / "try.yaml").write_text(text)
    return lstmzoo.load_config(tmp_path / "try.yaml")


def problem(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return str(caught.value).replace(str(tmp_path) + "/", "")


TABS = [
    "task:\n  kind: echo\nmodel:\n  units:\t4\ntrain:\n  epochs: 1\n",
    "task:\t# why\n  kind:\techo\t# why\nmodel:\t{units:\t4}\t\n\t\n\t# why\ntrain:\n  epochs\t: \t1\t\n",
    "task: {kind: echo}\nmodel:\n  units:\n    -\t4\ntrain: {epochs: 1}\n",
    '{\n\t"task": {\n\t\t"kind":\t"echo"\n\t},\n\t"model": {"units": [\n\t\t4\n\t]},\n\t"train":\t{"epochs": 1}\n}\n',
    "task: {\n\tkind: echo,\n}\nmodel: {units: 4} # why\ntrain:\n  {\n\t\tepochs: 1\n\t}\n",
]


@pytest.mark.parametrize("text", TABS)
def test_a_tab_separates(tmp_path, text):
    found = load(tmp_path, text)
    assert (found.task.kind, found.model.layers, found.train.epochs) == ("echo", (4,), 1)


@pytest.mark.parametrize(
    ("text", "line"),
    [("model:\n\tunits: 4\n", 2), ("model:\n  units: 4\n\tdepth: 2\n", 3), ("model:\n  units:\n\t- 4\n", 3),
     ("model:\n \tunits: 4\n", 2), ("model:\n  -\tunits: 4\n", 2), (GOOD + "validate:\n\t\tevery_steps: 5\n", 5)],
)  # fmt: skip
def test_a_tab_that_indents_is_named(tmp_path, text, line):
    assert f"try.yaml:{line}: expected YAML, received text that is not valid YAML (a tab indents" in problem(
        tmp_path, text
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab:\t- \u00e9\U0001f600\"'\\#", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\t \U0001f600", max_size=4), inner, max_size=3),
    max_leaves=8,
), st.booleans())  # fmt: skip
def test_json_is_yaml_with_tabs_and_with_escapes(data, escaped):
    import json

    found = parse_yaml(json.dumps(data, indent="\t", ensure_ascii=escaped))
    assert (found.problems, found.data) == ([], data)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.lists(st.text("xy\t", max_size=3), max_size=2)))
def test_pyyaml_reads_the_same_from_what_it_can_read(data):
    text = yaml.safe_dump(data).replace(": ", ":\t").replace("- ", "-\t")
    assert parse_yaml(text).data == yaml.safe_load(text.replace(":\t", ": ").replace("-\t", "- "))


@pytest.mark.parametrize(
    ("text", "name"), [(r"\ud83d\ude00", "\U0001f600"), (r"a\uD834\uDD1Eb", "a\U0001d11eb"), (r"\u00e9", "\u00e9")]
)
def test_characters_that_json_writes_as_two_halves(text, name):
    assert parse_yaml(f'{{"a{text}": "{text}"}}').data == {f"a{name}": name}


def test_one_half_of_a_character_is_a_problem(tmp_path):
    assert "name: expected both halves of a character" in problem(tmp_path, GOOD + r'name: "\ud83d"')
    assert "expected both halves of a character" in problem(tmp_path, GOOD + r'"\ude00": 1')
    assert parse_yaml(r'"\udcff.txt"').data == "\udcff.txt"  # a byte of a file name


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n", {"x": 1, "y": 3}),
        ("a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\n", {"x": 1, "y": 3}),
        ("a: &a {x: 1}\nc: &c {x: 2, z: 3}\nb: {<<: [*a, *c], w: 0}\n", {"x": 1, "z": 3, "w": 0}),
        ("a: &a {x: 1}\nc: &c {<<: *a, z: 3}\nb: {<<: *c}\n", {"x": 1, "z": 3}),
        ("b: {<<: {x: 1}}\n", {"x": 1}),
        ('b: {"<<": 1}\n', {"<<": 1}),
        ("a: &a {x: {y: 1, z: 2}}\nb: {<<: *a, x: {y: 3}}\n", {"x": {"y": 3}}),
    ],
)
def test_merge_keys(text, data):
    found = parse_yaml(text)
    assert (found.problems, found.data["b"]) == ([], data)
    if '"' not in text:
        assert yaml.safe_load(text)["b"] == data  # the same as PyYAML's own constructor


SHARED = "task: {kind: echo}\nmodel: {units: 4}\ntrain: {<<: *d, seq_length: 8}\n"


@pytest.mark.parametrize(
    "above",
    ["defaults: &d {epochs: 1, seq_length: 16}\n", "x:\n- &d {epochs: 1}\n", "my_train: {short: &d {epochs: 1}}\n"],
)
def test_a_section_that_only_holds_anchors_is_no_key(tmp_path, above):
    train = load(tmp_path, above + SHARED).train
    assert (train.epochs, train.seq_length) == (1, 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults: &d {epochs: 1}\n" + GOOD, "try.yaml:1: defaults: expected a key that exists"),  # nobody uses it
        (GOOD + "validation: &v {every_steps: 9}\ncheckpoint: *v\n", "try.yaml:4: validation: .* did you mean validate"),
        (GOOD + "sample: {<<: 3}\n", "sample.<<: expected a mapping, or a list of them, after the merge key, received 3"),
        (GOOD + "sample:\n  <<:\n", "sample.<<: .* after the merge key, received null"),
        (GOOD + "sample: {<<: [true]}\n", r"sample.<<: .* after the merge key, received \[true\]"),
        ("null\n", "try.yaml:1: expected a mapping of sections, received null"),
        ("- a\n- null\n- true\n", r'expected a mapping of sections, received \["a", null, true\]'),
        (GOOD + "validate: {<<: *v}\n", r"validate.<<: expected an alias of an anchor above it, received \*v"),
        ("defaults: &d {epoch: 1}\n" + SHARED, r"try.yaml:4: train.epoch: .* did you mean epochs"),
        (GOOD.replace("units: 4", "units:4"), "'units:4'; a space is missing after the colon: units: 4"),
        (GOOD.replace("{units: 4}", "units:4"), "received 'units:4'; a space is missing after the colon: units: 4"),
        (GOOD.replace("kind: echo", "kind:echo"), "try.yaml:1: .*a space is missing after the colon: kind: echo"),
        (GOOD + "seed:1\n", r"try.yaml:4: .*\(a space is missing after the colon: seed: 1\)"),
        ("seed:1\n" + GOOD, r"try.yaml:1: .*\(a space is missing after the colon: seed: 1\)"),
        ("task:\n  kind: echo\n  echo_step:3\n" + GOOD[19:], r"try.yaml:3: .*after the colon: echo_step: 3\)"),
        ("seed:1\n", "received 'seed:1'; a space is missing after the colon: seed: 1"),
        (GOOD.replace("model: {", "model:{"), "a space is missing after the colon: model: {"),
        (r'task: {kind: char, text: "C:\data\x.txt"}', r"try.yaml:1: .*a backslash in double quotes begins an escape .*single"),
        (r'task: {kind: char, text: "C:\Users\x.txt"}', r"a backslash in double quotes begins an escape"),
        (r'task: {kind: char, text: "C:\temp\new.txt"}', r"C:\\temp\\new.txt is not there: a backslash in double quotes"),
        (GOOD + "name: a: b\n", r"try.yaml:4: .*\(a second colon in a line"),
        (GOOD + "name\nseed: 1\n", r"\(a line without a colon between key and value\)"),
        (GOOD + "name: 'x\n", r"\(a quote that is not closed\)"),
        (GOOD + "name: @x\n", r"\(a value that begins with a sign of YAML's own: quote it\)"),
        ("a: [1", "but got the end of the file"),
        ("a:\n  b: 1\n c: 2\n", "expected the end of the section, but found a key"),
    ],
)  # fmt: skip
def test_the_cause_is_told(tmp_path, text, message):
    assert re.search(message, problem(tmp_path, text))


HOMES = [
    ("train.learning_rate", "its place is train.optimizer.learning_rate"),
    ("train.dropout", "its place is model.dropout"),
    ("train.units", "its place is model.units"),
    ("model.batch_size", "its place is train.batch_size"),
    ("model.seed", "its place is seed"),
    ("learning_rate", "its place is train.optimizer.learning_rate"),
    ("epochs", "its place is train.epochs"),
    ("optimizer", "its place is train.optimizer"),
    ("text", "its place is task.text"),
    ("validate.patient", "did you mean patience"),
    ("train.every_steps", "did you mean steps? (validate.every_steps or sample.every_steps or checkpoint.every_steps exists too)"),
    ("task.text", "it belongs to kind char"),
    ("train.optimizer.rho", "it belongs to name adadelta or name rmsprop"),
    ("train.schedule.final", "it belongs to kind cosine"),
    ("train.nonsense", "legal: average, batch_size, epochs"),
    ("train.lr", "did you mean learning_rate (its place is train.optimizer.learning_rate)?"),
    ("train.optimizer.lr", "did you mean learning_rate?"),
    ("model.hidden_size", "did you mean units?"),
    ("model.num_layers", "did you mean depth?"),
    ("model.Layers", "did you mean depth?"),
    ("train.n_layers", "did you mean depth (its place is model.depth)?"),
    ("train.batch", "did you mean batch_size?"),
    ("train.seq_len", "did you mean seq_length?"),
    ("hidden_size", "did you mean units (its place is model.units)?"),
    ("random_seed", "did you mean seed?"),
    ("task.dataset", "did you mean text (it belongs to kind char)?"),
]  # fmt: skip


def test_the_words_of_other_programs_are_none_of_ours_and_lead_to_keys_that_exist():
    assert [word for word in OURS if any(_homes(Experiment, word))] == []
    assert [ours for ours in OURS.values() if not any(_homes(Experiment, ours))] == []


@pytest.mark.parametrize(("path", "hint"), HOMES)
def test_a_key_of_another_section_is_told_its_place(path, hint):
    data = parse_yaml(GOOD).data
    section = data
    for key in path.split(".")[:-1]:
        section = section.setdefault(key, {})
    section[path.split(".")[-1]] = 1
    _, problems = check(data, set(), {}, Experiment)
    assert hint in next(each.text for each in problems if ".".join(map(str, each.path)) == path)


def keys_of(section, path=()):
    """(path, tags that lead there) of every key of a section and of those below it."""
    for name, field in section.model_fields.items():
        key = (*path, field.alias or name)
        yield key, section
        for inner in sections_in(field.annotation):
            yield from keys_of(inner, key)


def tag_of(section):
    found = ((key, field.annotation) for key, field in section.model_fields.items() if key in ("kind", "name"))
    return {key: kind.__args__[0] for key, kind in found if getattr(kind, "__origin__", None) is Literal}


FOREIGN = re.compile(
    r"[Ii]nput should|should (have|be)|Value error|Assertion|Field required|pydantic|validation error|\bNone\b|\bTrue\b|\bFalse\b|<class|tuple|dict|NoneType|Extra inputs|valid (list|string|integer)"
)
WRONG = [None, True, -1, 0, 1.5, 1e300, 2**62, "", "x", "a b\t", [], [None, True], [[1]], {}, {"a": None}, {"kind": 3}, {"name": 3}]  # fmt: skip


@pytest.mark.parametrize("root", [Experiment, SweepSpec])
def test_no_word_of_pydantics_or_pythons_is_shown(root):
    """Every key of every section with every kind of wrong value."""
    wholes = {
        Experiment: {"task": {"kind": "echo"}, "model": {"units": 4}, "train": {"epochs": 1}},
        SweepSpec: {"base": "b", "space": {"a": 1}, "search": {"kind": "grid"}},
    }
    tried = 0
    for path, section in keys_of(root):
        for value in WRONG:
            data = {key: dict(part) if isinstance(part, dict) else part for key, part in wholes[root].items()}
            place = data
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place.update(tag_of(section))
            place[path[-1]] = value
            for each in check(data, set(), {}, root)[1]:
                assert each.text.startswith("expected ")
                assert ", received " in each.text
                assert not FOREIGN.search(each.text.replace("'", "")), (path, value, each)
                tried += 1
    assert tried > 300


def _odd(value):
    if value % 2 == 0:
        raise ValueError("it has to be odd")
    return value


def _asserted(value):
    if value <= 3:
        raise AssertionError("more than three")
    return value


class OfAnother(Section):
    """A section as another package may write it, with pydantic's own constraints."""

    few: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    short: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    form: Annotated[str, Field(pattern="^a+$")] = "a"
    tens: Annotated[int, Field(multiple_of=10)] = 10
    odd: Annotated[int, AfterValidator(_odd)] = 1
    more: Annotated[int, AfterValidator(_asserted)] = 4
    color: Enum("Color", {"RED": "red"}) = None
    pair: tuple[int, int] = (1, 2)
    some: frozenset[int] = frozenset()
    nothing: None = None
    data: bytes = b""


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("few", [], "expected a list of 1 or more, received []"),
        ("few", [1, 2, 3], "expected a list of at most 2, received [1, 2, 3]"),
        ("short", "a", "expected a text of 2 characters or more, received 'a'"),
        ("short", "abcd", "expected a text of at most 3 characters, received 'abcd'"),
        ("form", "b", "expected a text of the form ^a+$, received 'b'"),
        ("tens", 3, "expected a multiple of 10, received 3"),
        ("odd", 4, "expected another value (it has to be odd), received 4"),
        ("more", 2, "expected another value (more than three), received 2"),
        ("color", "blue", "expected another value, received 'blue'"),
        ("pair", 3, "expected a list, received 3"),
        ("pair", (1,), "expected this required key, received nothing"),
        ("some", 3, "expected a list, received 3"),
        ("nothing", 3, "expected null, received 3"),
        ("data", 3, "expected another value, received 3"),
    ],
)
def test_constraints_of_other_packages_are_told_in_our_words(key, value, text):
    with pytest.raises(ValidationError) as caught:
        OfAnother.model_validate({key: value})
    (reason,) = explain(caught.value, {key: value}, OfAnother).values()
    assert reason.text == text


def test_words_of_other_programs_are_no_words_of_ours():
    ours = {path[-1] for root in (Experiment, SweepSpec) for path, _ in keys_of(root)} - {"base"} | KEYS
    assert WORDS.keys() & ours == {"scale", "start"}
    (problem,) = foreign_words("task", {"scale": {"choices": ["standard", "none"]}})  # that of the task
    assert problem.text.startswith("expected a path with dots, task.scale: {...}")
