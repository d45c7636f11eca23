"""The cards' programs check themselves: one line if a state is still zeros after the first step."""

import re

import pytest

from lstmzoo.export.example import program
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.export.notes import Notes
from lstmzoo.models.signature import signature_of
from tests.export.test_c import SYMBOLS, drawn
from tests.helpers.exports import SCALING

ONNX = FORMATS["onnx"]


@pytest.mark.parametrize(
    ("name", "symbols", "scaling"),
    [
        ("stacked_layers-2", SYMBOLS["byte"], None),
        ("scalar", None, None),
        ("features", None, None),
        ("numbers stacked_cells-2 skip", None, SCALING),
    ],
)
def test_a_state_that_stays_zeros_ends_the_program(name, symbols, scaling, tmp_path, monkeypatch, capsys):
    """A model whose states are zeros, and a program that loses them; otherwise it runs to its end."""
    monkeypatch.chdir(tmp_path)
    programs = {}
    for kind, blueprint in (("live", drawn(name)), ("zero", drawn(name, 0))):
        ONNX.write(blueprint, Notes(symbols, "", scaling), tmp_path / f"{kind}.onnx")
        programs[kind] = program(signature_of(blueprint), symbols, scaling, ONNX.example, f"{kind}.onnx")
    exec(programs["live"], {})
    assert capsys.readouterr().out
    before, after = "outputs[name] for name", "states[name] for name"
    assert before in programs["live"]
    for code in (programs["zero"], programs["live"].replace(before, after)):
        with pytest.raises(SystemExit, match="^h0 is all zeros after the first step: feed the states of a step to"):
            exec(code, {})
    assert not capsys.readouterr().out


@pytest.mark.parametrize("lost", ["h1", "c1"])
def test_each_state_is_looked_at(lost, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blueprint = drawn("stacked_layers-2")
    ONNX.write(blueprint, Notes(None, ""), tmp_path / "m.onnx")
    code = program(signature_of(blueprint), None, None, ONNX.example, "m.onnx")
    wrong = re.sub(r"outputs\[name\] (?=for name)", f"outputs[name] * (name != '{lost}') ", code)
    with pytest.raises(SystemExit, match=f"^{lost} is all zeros"):
        exec(wrong, {})
