"""Models of numbers whose files take and give the units of the data: the model's numbers, scaled in NumPy in float64."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter

import lstmzoo
from lstmzoo.data.scaling import Scaling, load_scaling
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.export.card import Source
from lstmzoo.export.units import units_of
from lstmzoo.export.verify import compare
from lstmzoo.export.write import _in_words, describe_export, write_export
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.models.rebuild import blueprint_of
from lstmzoo.tasks.optional import answer_of
from lstmzoo.tasks.series.spec import SeriesSpec
from tests.export.test_write import code_of, inside, run_card
from tests.helpers.exports import ARRAYS, ENDINGS, KINDS, NUMBERS, SCALING, live, opened
from tests.helpers.rows import few
from tests.tasks.series.test_task import write_config

LANES, ROWS, PIECES = 3, 60, (1, 7, 52)
OF_FORMAT = {  # a Keras file does not depend on the kind; tflite and savedmodel hold one graph
    "onnx": [f"{kind}{skip}" for kind in KINDS for skip in ("", " skip")],
    "tflite": ["single skip", "stacked_cells-1", "stacked_cells-3", "stacked_layers-2 skip"],
    "savedmodel": ["stacked_cells-2 skip", "stacked_layers-1", "stacked_layers-3 skip"],
    "keras": ["single", "stacked_layers-3 skip"],
    "c": ["single", "stacked_cells-3 skip", "hard_sigmoid skip"],
}  # fmt: skip
TABLE = [(f"numbers {name}", form) for form, names in OF_FORMAT.items() for name in names]


def rows_of(scaling):
    """Rows of the inputs in the units of the data, as float32 holds them, with NaN; the features that a file takes."""
    draws = np.random.default_rng(5)
    means, deviations = scaling.of(scaling.inputs)
    known = (means + deviations * draws.normal(size=(LANES, ROWS, 2))).astype(np.float32)
    missing = draws.uniform(size=(LANES, ROWS)) < 0.3
    values = known.astype(float)
    values[missing, 1] = np.nan
    return values, known, np.concatenate([known, missing[..., None]], -1).astype(np.float32)


def expected_of(blueprint, scaling):
    """Outputs in the units of the data and last states, from the model's own numbers: scaled before and after."""
    values, known, _ = rows_of(scaling)
    x = np.stack([scaling.scale_inputs(*each) for each in zip(values, known.astype(float), strict=True)])
    runner = NumpyRunner(blueprint)
    outputs, states = runner(x, runner.signature.zero_states(LANES))
    return scaling.unscale_targets(outputs.astype(float)), states


@pytest.mark.parametrize(("name", "form"), few(TABLE, [("numbers stacked_layers-2 skip", "onnx")]))
def test_a_file_takes_and_gives_the_units_of_the_data(name, form, tmp_path):
    """Also of a mean that float32 does not hold, and of numbers near its smallest; with the states passed along."""
    blueprint = blueprint_of(live(name, 1))
    runner = opened(form, blueprint, tmp_path, SCALING)
    (x, states), found = (rows_of(SCALING)[2], runner.signature.zero_states(LANES)), []
    for first, length in zip(np.cumsum((0, *PIECES[:-1])), PIECES, strict=True):
        outputs, states = runner(x[:, first : first + length], states)
        found.append(outputs)
    wanted, after = expected_of(blueprint, SCALING)
    _, deviations = SCALING.of(SCALING.targets)
    last_digit = np.spacing(np.abs(wanted).max((0, 1)).astype(np.float32))  # of float32: 0.125 of the first target
    difference = np.abs(np.concatenate(found, 1) - wanted).max((0, 1))
    assert (difference < 1e-5 * deviations + last_digit).all(), difference
    for ours, theirs in zip(states, after, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    if form in OPERATIONS:
        OPERATIONS[form](tmp_path / f"model{ENDINGS[form]}", len(NUMBERS[name]["units"]))


def has_an_lstm_a_layer(path, depth):
    operations = [node.op_type for node in onnx.load(path).graph.node]
    assert operations.count("LSTM") == depth
    assert not {"Loop", "Scan", "If"} & set(operations)


def has_built_in_operations(path, depth):
    names = {each["op_name"] for each in Interpreter(str(path))._get_ops_details()}
    assert names and not {name for name in names if name.startswith("Flex") or "Custom" in name}


OPERATIONS = {"onnx": has_an_lstm_a_layer, "tflite": has_built_in_operations}


def test_a_file_is_compared_in_the_units_of_the_data(tmp_path):
    blueprint = blueprint_of(live("numbers single", 1))
    near = Scaling(("x", "y"), (1.0, -2.0), (0.5, 3.0), ("x", "y"), ("y", "x"), {"x": 0.0})
    assert compare(blueprint, opened("onnx", blueprint, tmp_path, near), near) < 1e-5
    with pytest.raises(EnvironmentFailure, match="expected the exported model to give the numbers of the live one"):
        compare(blueprint, NumpyRunner(blueprint), near)  # which scales nothing


@pytest.mark.parametrize(
    "change", [{"means": (1e39, 0, 0)}, {"deviations": (1, 1, 1e-40)}, {"deviations": (1e38, 1, 1)}]
)
def test_columns_that_float32_cannot_hold_are_refused(change):
    scaling = replace(SCALING, **change)
    with pytest.raises(
        InputError, match=r"^column '(far|odd\|name)': expected a mean and a deviation that float32 can"
    ):
        units_of(scaling)


def test_a_card_names_the_columns_and_its_program_reads_them(tmp_path):
    blueprint = blueprint_of(live("numbers stacked_cells-2", 1))
    source = Source(blueprint, None, "pump", "random", scaling=SCALING, answer="are the targets of row t + 3")
    write_export(source, tmp_path / "model.onnx", "onnx")
    kept = {prop.key: prop.value for prop in onnx.load(tmp_path / "model.onnx").metadata_props}
    card = kept["README.md"]
    assert kept["scaling.json"] == SCALING.dump()
    assert "`outputs[:, t]` are the targets of row t + 3.\n" in card
    assert "| `features[..., 1]` | tiny | -3e-09 | 2e-09 |" in card
    assert "| `features[..., 2]` | 1 where tiny is missing, else 0 |" in card
    assert "| `outputs[..., 1]` | odd\\|name | 40.5 | 0.7 |" in card
    said, found = run_card(code_of(card), rows_of(SCALING)[2][:1], "onnx", tmp_path)
    wanted, _ = expected_of(blueprint, SCALING)
    np.testing.assert_allclose(found[..., 1], wanted[:1, :, 1], rtol=0, atol=1e-5)
    assert re.fullmatch(r"0 {'far': 12345\d\d\.\d+, 'odd\|name': [\d.]+}", said.splitlines()[0])
    assert len(said.splitlines()) == 3


def test_a_card_names_files_side_by_side_and_no_folder(tmp_path):
    files = {name: str(tmp_path / f"{name}.wav") for name in ("dry", "wet")}
    for file in files.values():
        Path(file).touch()
    spec = SeriesSpec(kind="series", data=files, targets="wet", horizon=0)
    assert _in_words(spec).startswith("kind series; data dry dry.wav wet wet.wav; targets wet; horizon 0; ")
    assert str(tmp_path) not in _in_words(spec)
    assert answer_of(spec) == "are the targets of row t"


@pytest.mark.slow
def test_a_run_goes_into_every_format(tmp_path, monkeypatch, capsys):
    """The program of each card gives what the run's model predicts, from rows in the units of the data."""
    config = write_config(tmp_path, targets="[load, flow]")
    lstmzoo.train_run(lstmzoo.load_config(config, ["train.epochs=1"]), tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    scaling = load_scaling(tmp_path / "run" / "scaling.json")
    x = rows_of(scaling)[2]
    x = np.concatenate([x, np.zeros_like(x[..., :1])], -1)[:1]  # of two held inputs
    inputs = units_of(scaling)[0]
    outputs = lstmzoo.load_model(tmp_path / "run")(inputs.scaled(x).astype(np.float32)).numpy()
    wanted = scaling.unscale_targets(outputs.astype(float))
    for form in ARRAYS:
        exported = lstmzoo.export_model(tmp_path / "run", tmp_path / f"model{ENDINGS[form]}", form)
        assert exported.scaled and exported.difference < 1e-5
        lines = describe_export(exported).splitlines()
        assert lines[2].startswith("inputs: features [B, T, 4] in the units of the data, h0 [B, 6], c0 [B, 6], h1")
        assert lines[3].startswith("outputs: outputs [B, T, 2] in the units of the data, and the states for what comes")
        assert re.fullmatch(r"checked over 200 steps: outputs within .* deviations of the live model's", lines[4])
        assert lines[5].startswith("inside: scaling.json, model.json and README.md in ")
        kept, card = inside(tmp_path, form, "scaling.json")
        assert kept == json.loads(scaling.dump())
        assert "`outputs[:, t]` are the targets of row t + 1; the first 4 rows of a stream warm it up" in card
        assert (
            "task**: kind series; data a.csv, b.csv; inputs flow, heat; targets load, flow; horizon 1" in card.lower()
        )
        capsys.readouterr()
        scope = {}
        exec(code_of(card), scope)
        assert re.fullmatch(r"0 {'load': .*, 'flow': .*}\n1 .*\n2 .*", capsys.readouterr().out.strip())
        found, _ = scope["step"](x, scope["zeros"])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * max(scaling.deviations))
