"""YAML in, one experiment out, or one report of everything that is wrong."""

import math
import shutil

import jsonschema
import pytest
import yaml
from hypothesis import given, settings, strategies as st

import lstmzoo
from lstmzoo.config.experiment import Experiment
from lstmzoo.config.load import Dumper, dump_config
from lstmzoo.config.plan import make_plan
from lstmzoo.errors import ConfigError, InputError
from lstmzoo.schema.yaml_reader import parse_yaml
from lstmzoo.schema.yaml_scalars import parse_scalar
from tests.helpers import places

CONFIGS = sorted(places.CONFIGS.glob("*.yaml"))
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc", "Z"]), max_size=8)
GOOD = "task: {kind: echo}\nmodel: {units: 4}\ntrain: {epochs: 1}\n"


def load(tmp_path, text, *overrides, name="try.yaml"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return lstmzoo.load_config(path, overrides)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_plans_and_reads_back(path, tmp_path, monkeypatch, beside):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path))
    if lstmzoo.load_config(path).task.model_dump().get("corpus") == "tinyshakespeare":
        shutil.copy(beside("data/tinyshakespeare.txt"), tmp_path)
    resolved = make_plan(lstmzoo.load_config(path), "cpu").resolved
    assert "auto" not in dump_config(resolved)
    again = load(tmp_path, dump_config(resolved))
    assert again == resolved
    assert make_plan(again, "cpu").resolved == resolved


def test_the_defaults_are_those_of_the_tutorial(tmp_path):
    experiment = load(tmp_path, GOOD)
    assert experiment.name == "try"
    assert experiment.task.model_dump() == {
        "kind": "echo",
        "series_length": 50000,
        "echo_step": 3,
        "fresh_series": True,
    }
    assert (experiment.train.batch_size, experiment.train.seq_length) == (5, 15)
    assert (experiment.train.optimizer.name, experiment.train.optimizer.learning_rate) == ("adagrad", 0.3)
    assert (experiment.validation.every_steps, experiment.validation.fraction) == (500, 0.1)


def test_a_zoo_name_is_expanded_and_can_be_overridden(tmp_path):
    text = "task: {kind: echo}\nmodel: echo_3x4\ntrain: {epochs: 1}\n"
    assert load(tmp_path, text).model == lstmzoo.get_model("echo_3x4")
    assert load(tmp_path, text, "model.depth=2").model.layers == (4, 4)
    assert load(tmp_path, GOOD, "model=echo_3x4").model.layers == (4, 4, 4)
    assert load(tmp_path, GOOD, "model=echo_3x4", "model.units=8", "seed=1", "seed=2").model.layers == (8, 8, 8)


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("train.optimizer.learning_rate=1e-3", ("train", "optimizer", "learning_rate"), 0.001),
        ("train.steps=7", ("train", "steps"), 7),
        ("train.time_budget=2m", ("train", "time_budget"), 120.0),
        ("model={kind: stacked_cells, units: [4, 5]}", ("model", "units"), (4, 5)),
        ("train.schedule.kind=cosine", ("train", "schedule", "kind"), "cosine"),
        ("train.grad_clip_norm=1", ("train", "grad_clip_norm"), 1.0),
        ("execution.threads=2", ("execution", "threads"), 2),
        ("name=other", ("name",), "other"),
        ("seed=7", ("seed",), 7),
    ],
)
def test_set_sets_any_key(tmp_path, override, path, value):
    found = load(tmp_path, GOOD, override)
    for key in path:
        found = getattr(found, key)
    assert found == value


def test_a_length_given_by_set_replaces_that_of_the_file(tmp_path):
    train = load(tmp_path, GOOD, "train.steps=9").train
    assert (train.epochs, train.steps, train.time_budget) == (None, 9, None)
    with pytest.raises(ConfigError, match="exactly one of epochs, steps, time_budget"):
        load(tmp_path, GOOD, "train.steps=9", "train.epochs=2")


SERIES = "task: {kind: series, data: a.csv}\nmodel: {units: 4}\ntrain: {epochs: 1}\n"


@pytest.mark.parametrize(
    ("override", "data", "validation"),
    [
        ("task.data=b.csv", ("here/b.csv",), None),
        ("task.data=[b.csv, a.csv]", ("here/b.csv", "a.csv"), None),
        ("task.data={x: b.csv}", ({"x": "here/b.csv"},), None),
        ("task.validation=b.csv", ("a.csv",), ("here/b.csv",)),
    ],
)
def test_tables_given_by_set_may_be_relative_to_here(tmp_path, monkeypatch, override, data, validation):
    (tmp_path / "here").mkdir()
    for name in ("a.csv", "here/a.csv", "here/b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    monkeypatch.chdir(tmp_path / "here")
    task = load(tmp_path, SERIES, override).task
    assert task.data == absolute(tmp_path, data) and task.validation == absolute(tmp_path, validation)


SIMULATED = SERIES.replace("a.csv", "narma10, rows: 99")
ROWS = {  # config, --set, the rows, or what the message says
    "a file": (SIMULATED, ["task.data=a.csv"], None),
    "files side by side": (SIMULATED, ["task.data={x: a.csv}"], None),
    "another series": (SIMULATED, ["task.data=mackey-glass"], 99),
    "another series of more rows": (SIMULATED, ["task.rows=100", "task.data=mackey-glass"], 100),
    "a series in place of a file": (SERIES, ["task.data=narma10", "task.rows=100"], 100),
    "rows of a file": (SIMULATED, ["task.data=a.csv", "task.rows=100"], "expected null: only a simulated series"),
    "rows of two files": (SERIES.replace("a.csv", "a.csv, rows: 5"), ["task.data=b.csv"], "task.rows: expected null"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_table_given_by_set_replaces_the_rows_of_a_simulated_series(tmp_path, case):
    text, overrides, rows = ROWS[case]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    if isinstance(rows, str):
        with pytest.raises(ConfigError, match=rows):
            load(tmp_path, text, *overrides)
    else:
        assert load(tmp_path, text, *overrides).task.rows == rows


def absolute(folder, sources):
    return sources and tuple(
        {name: f"{folder}/{file}" for name, file in each.items()} if isinstance(each, dict) else f"{folder}/{each}"
        for each in sources
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task: {kind: echo}\nmodel: {units: 4}\ntrain: {epoch: 1}\n", r"try.yaml:3: train.epoch: .* 'epoch'; did you mean epochs\?"),
        ("task: {kind: ecko}\n", r"try.yaml:1: task.kind: expected a known kind, received 'ecko'; did you mean echo"),
        ("tsk: {}\n", r"try.yaml:1: tsk: expected a key that exists, received 'tsk'; did you mean task"),
        ("model: {units: 4}\n", r"try.yaml:1: task: expected this required key, received nothing"),
        (GOOD + "seed: -1\n", r"try.yaml:4: seed: expected 0 or more, received -1"),
        (GOOD + "seed: true\n", r"try.yaml:4: seed: expected an integer, received true"),
        (GOOD + "seed: 1.5\n", r"try.yaml:4: seed: expected an integer, received 1.5"),
        (GOOD + "seed: .nan\n", r"try.yaml:4: seed: expected a finite number, received '.nan'"),
        (GOOD + "seed: 1\nseed: 2\n", r"try.yaml:5: seed: expected each key once, .*\(first at line 4"),
        (GOOD + "validate:\n", r"try.yaml:4: validate: expected a section .* received null"),
        (GOOD + "execution: {kernel: skan}\n", r"execution.kernel: .* 'skan'; did you mean scan"),
        (GOOD + "execution: {threads: no}\n", r"execution.threads: expected auto or an integer, received 'no'"),
        (GOOD + "name: ../x\n", r"try.yaml:4: name: expected a name of at most 100 letters"),
        (GOOD.replace("4}", "[4, 0]}"), r"try.yaml:2: model.units: expected an integer >= 1, or a list"),
        (GOOD.replace("4}", "[4, 5], depth: 3}"), r"model: expected no depth, or depth 2, with a list"),
        (GOOD.replace("4}", "4, depth: 2}"), r"try.yaml:2: model: expected depth 1 with kind single"),
        (GOOD.replace("{units: 4}", "ecko_4"), r"try.yaml:2: model: expected a model of the zoo, .*; did you mean echo_4"),
        (GOOD.replace("4}", "4, embedding_dim: 2}"), r"model: expected embedding_dim with encoding embedding only"),
        (GOOD.replace("4}", "4, skip: true}"), r"model.skip: expected false with the echo task, whose inputs are symbols"),
        (GOOD.replace("epochs: 1", "epochs: 1, steps: 2"), r"train: expected exactly one of epochs, steps, time_budget"),
        (GOOD.replace("epochs: 1", "time_budget: soon"), r"train.time_budget: expected seconds"),
        (GOOD.replace("epochs: 1", "epochs: 1, optimizer: {name: adm}"), r"optimizer.name: expected a known name, received 'adm'; did"),
        (GOOD.replace("epochs: 1", "epochs: 1, optimizer: {name: adam, rho: 1}"), r"optimizer.rho: expected a key that exists"),
        (
            GOOD.replace("epochs: 1", "epochs: 1, grad_clip_norm: 1, optimizer: {name: sgd, clipnorm: 1}"),
            r"one way of clipping gradients \(clipnorm and grad_clip_norm given\)",
        ),
        (GOOD.replace("echo}", "echo, echo_step: 10000}"), r"try.yaml:1: task.echo_step: expected less than .* = 10000"),
        (GOOD.replace("echo}", "echo, series_length: 74}"), r"task.series_length: expected batch_size x seq_length = 75"),
        (GOOD.replace("echo}", "echo, series_length: 100}"), r"validate.fraction: expected a larger share \(2 symbols a lane"),
        (GOOD.replace("units: 4", "units: 1000000"), r"expected sizes that fit in memory"),
        (GOOD.replace("4}", "4, depth: 2, encoding: embedding}"), r"model: expected depth 1 with kind single .*, and an embedding_dim with encoding emb"),
        (GOOD.replace("epochs: 1", "epochs: 1, steps: 2, grad_clip_norm: 1, grad_clip_value: 1"), r"train: expected exactly one of .*, and one way of clipping"),
        (GOOD.replace("echo}", "char, corpus: python-stdlib, unit: byte, errors: replace}"), r"task.errors: expected strict with unit byte"),
        (GOOD.replace("echo}", "echo, series_length: 10000000000000}"), r"try.yaml:1: task: expected sizes that fit in memory"),
        ("", "which is empty"),
        (" \n\n", "which is empty"),
        ("[1, 2]", r"try.yaml:1: expected a mapping of sections, received \[1, 2\]"),
        ("just text", r"expected a mapping of sections, received 'just text'"),
        ("a: [1", r"try.yaml:1: expected YAML, received text that is not valid YAML"),
        (b"\x7fELF\x00\x01\xff", r"try.yaml:1: expected YAML, received text that is not UTF-8 \(byte 6\): save it as UTF-8"),
        ("---\na: 1\n---\nb: 2\n", r"try.yaml:4: expected one YAML document"),
        ("a: !!python/object/apply:os.getcwd []", r"expected no tag, received '.*python/object"),
        ("a: &x [1, 1]\nb: &y [*x, *x]\n" + "".join(f"c{i}: &y [*y, *y]\n" for i in range(20)), "expected at most 20000 values"),
        ("[" * 3000, "50 levels"),
        ("a: " + "x" * 1_000_001, "expected at most 1000000 bytes"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load(tmp_path, text)
    assert all(len(line) < 400 for line in str(caught.value).splitlines())


def test_all_problems_are_reported_at_once_in_order(tmp_path):
    text = "task: {kind: echo, echo_stp: 3}\nmodel: {units: x}\ntrain: {epochs: 0}\nseed: .inf\nexecution: 3\n"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, "validate.fraction=2")
    places = [problem.split(": ")[1] for problem in caught.value.problems]
    assert places == ["validate.fraction", "task.echo_stp", "model.units", "train.epochs", "seed", "execution"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.steps", r"--set: expected KEY=VALUE such as train.steps=100, received 'train.steps'"),
        ("train..steps=1", r"--set: expected KEY=VALUE"),
        (
            "train.stps=1",
            r"--set train.stps: train.stps: expected a key that exists, received 'stps'; did you mean steps",
        ),
        ("train.steps=many", r"--set train.steps: train.steps: expected an integer, received 'many'"),
        ("name.x=1", r"--set name.x: name.x: expected name to be a section"),
    ],
)
def test_bad_overrides_name_themselves(tmp_path, override, message):
    with pytest.raises(InputError, match=message):
        load(tmp_path, GOOD + "name: here\n", override)


def test_warnings(tmp_path):
    (warning,) = load(tmp_path, GOOD, "task.echo_step=15").warnings()
    assert warning.startswith("task.echo_step 15 >= train.seq_length 15: no gradient path spans the delay")
    assert "with one layer it does nothing" in load(tmp_path, GOOD, "model.dropout=0.5").warnings()[0]
    assert load(tmp_path, GOOD).warnings() == []


def test_every_key_has_a_description_and_the_schema_names_them():
    schema = Experiment.model_json_schema(by_alias=True)
    sections = [schema, *schema["$defs"].values()]
    for section in sections:
        for name, key in section.get("properties", {}).items():
            assert key.get("description"), name
    assert set(schema["properties"]) >= {"task", "model", "train", "validate", "checkpoint", "execution"}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "text",
    [path.read_text().replace("data/", f"{path.parent}/data/") for path in CONFIGS]
    + [GOOD, GOOD.replace("{units: 4}", "echo_4"), GOOD.replace("epochs: 1", "time_budget: 180s")]
    + [GOOD.replace("epochs: 1", "epochs: 1, schedule: {warmup_steps: 5}, optimizer: {learning_rate: 0.1}")]
    + [
        GOOD.replace("echo}", "char, corpus: python-stdlib, text: null}"),
        SIMULATED.replace("}", ", validation: null}", 1),
    ],
)
def test_the_schema_takes_what_the_loader_takes(tmp_path, text):
    load(tmp_path, text)
    jsonschema.validate(parse_yaml(text).data, Experiment.model_json_schema(by_alias=True))


def test_the_schema_refuses_what_the_loader_refuses():
    for text in (GOOD + "sed: 1\n", GOOD.replace("units: 4", "unit: 4"), GOOD.replace("epochs: 1", "epochs: 0")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(parse_yaml(text).data, Experiment.model_json_schema(by_alias=True))


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-12", -12), ("010", 10), ("0o17", 15), ("0xff", 255),
     ("yes", "yes"), ("on", "on"), ("true", True), ("False", False), ("~", None), ("", None), ("1_000", "1_000"),
     ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("=", "="), ("<<", "<<")],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(text, value):
    assert parse_scalar(text) == value
    assert type(parse_scalar(text)) is type(value)


@settings(max_examples=300, deadline=None)
@given(st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**63, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_what_pyyaml_writes_is_read_back(data):
    text = yaml.dump(data, Dumper=Dumper)
    found = parse_yaml(text)
    assert found.problems == []
    assert found.data == data or (isinstance(data, float) and math.isclose(found.data, data))


@settings(max_examples=300, deadline=1000)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_data_or_a_problem(text):
    found = parse_yaml(text)
    assert found.problems or found.data is None or isinstance(found.data, (dict, list, str, int, float, bool))


def test_problems_of_a_section_and_of_its_keys_are_reported_together(tmp_path):
    text = (
        "task: {kind: echo, series_length: 74, echo_step: 99, more: 1}\nmodel: {units: 4}\ntrain: {epochs: 1, foo: 3}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, "train", "seed=x")
    places = [problem.split(": ")[:2] for problem in caught.value.problems]
    assert [place.split("/")[-1] for place, _ in places] == ["--set", "--set seed", *["try.yaml:1"] * 3, "try.yaml:3"]
    assert {where for _, where in places[2:]} == {"task.more", "task.series_length", "task.echo_step", "train.foo"}
    with pytest.raises(ConfigError, match=r"(?s)train.foo: .*train: expected exactly one of epochs, steps"):
        load(tmp_path, GOOD.replace("epochs: 1", "epochs: 1, steps: 2, foo: 3"))


def test_what_follows_from_a_reported_problem_is_not_reported_again(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace("epochs: 1", "epochs: .nan").replace("units: 4", "units: [.nan, 4]"))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ["model.units.0", "train.epochs"]


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (
            GOOD,
            ["trian.steps=5"],
            r"^--set trian.steps: trian: expected a key that exists, received 'trian'; did you mean train",
        ),
        (GOOD, ["model.depth=5"], r"^--set model.depth: model: expected depth 1 with kind single"),
        (
            GOOD,
            ["train.optimizer.name=adma"],
            r"^--set train.optimizer.name: train.optimizer.name: .* 'adma'; did you mean adam",
        ),
        (GOOD, ["train.schedule.kind=null"], r"train.schedule.kind: expected a known kind, received null"),
        (
            GOOD,
            ["validation.every_steps=5"],
            r"validation: expected a key that exists, received 'validation'; did you mean validate",
        ),
        (GOOD + "validation: {evry: 7}\n", [], r"validation: expected a key that exists"),
        (GOOD, ["model.units=" + "9" * 299], r"model.units: expected a whole number of less than 64 bits"),
        (GOOD, ["train.optimizer.learning_rate=1e300"], r"learning_rate: expected 3.4e\+38 or less, received 1e\+300"),
        (GOOD, ["execution.threads=100000"], r"execution.threads: expected auto or 1024 or less"),
        (
            GOOD + "name: a\x07b\n",
            [],
            r"try.yaml:4: expected YAML, received text that is not valid YAML \(the character '\\x07'\)",
        ),
        (GOOD.encode() + b"name: \xff\n", [], r"try.yaml:4: expected YAML, received text that is not UTF-8"),
        (GOOD, ["train.optimizer.initial_acumulator_value=1"], r"did you mean initial_accumulator_value"),
        (
            "task: {kind: echo, echo_step: 20000}\nmodel: {units: [4, 5]}\ntrain: {steps: 5, epochs: 2}\n",
            [],
            r"(?s)task.echo_step: .*model: expected depth 1 .*train: expected exactly one",
        ),
        ("".join(f"key{i}: 1\n" for i in range(200)), [], r"\.\.\. and 15\d more problems"),
    ],
)
def test_places_and_values_of_problems(tmp_path, text, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text, *overrides)


def test_set_through_an_alias_reaches_one_place_only(tmp_path):
    experiment = load(tmp_path, GOOD + "validate: &c {every_steps: 100}\ncheckpoint: *c\n", "validate.every_steps=5")
    assert (experiment.validation.every_steps, experiment.checkpoint.every_steps) == (5, 100)


@pytest.mark.parametrize("name", ["1e3", "0o17", "true", "null", "1"])
def test_names_that_look_like_other_values_are_read_back(tmp_path, name):
    experiment = load(tmp_path, GOOD, name=f"{name}.yaml")
    assert experiment.name == name
    assert load(tmp_path, dump_config(experiment)) == experiment


def test_windows_a_call_fit_into_an_epoch_and_between_events(tmp_path):
    resolved = make_plan(load(tmp_path, GOOD, "execution.windows_per_call=10000000000"), "cpu").resolved
    assert resolved.execution.windows_per_call == 500


def test_set_makes_a_section_of_null_and_of_a_word(tmp_path):
    """Which stand in every resolved config."""
    whole = load(
        tmp_path, dump_config(load(tmp_path, GOOD)), "train.average.kind=ema", "model.initializer.kind=uniform"
    )
    assert whole.train.average.kind == "ema" and whole.model.initializer.kind == "uniform"
    text = dump_config(load(tmp_path, GOOD.replace("epochs: 1", "epochs: 1, reset_state: never")))
    assert load(tmp_path, text, "train.reset_state.probability=0.2").train.reset_state.probability == 0.2
    with pytest.raises(ConfigError, match="expected seed to be a section, received 0"):
        load(tmp_path, text, "seed.more=1")


def test_patience_without_validations_is_said(tmp_path):
    found = load(tmp_path, GOOD + "validate: {every_steps: 0, patience: 3}\n").warnings()
    assert found == ["validate.patience counts validations: with validate.every_steps 0 it does nothing"]


@pytest.mark.parametrize("overrides", ["train.steps=5", [5]])
def test_overrides_are_a_list_of_texts(tmp_path, overrides):
    (tmp_path / "good.yaml").write_text(GOOD)
    with pytest.raises(InputError, match=r'overrides: expected a list such as \["train.steps=100"\], received'):
        lstmzoo.load_config(tmp_path / "good.yaml", overrides)
