"""The records of the export formats: none is incomplete, and no module of a format is left out of the registry."""

import re
from importlib import import_module
from importlib.metadata import metadata
from pathlib import Path

import pytest

import lstmzoo.export.formats
from lstmzoo import export_model, sample_text
from lstmzoo.export.formats.format import Format
from lstmzoo.export.formats.registry import FORMATS
from lstmzoo.inference.runtimes import RUNTIMES
from tests.helpers.places import ROOT

NO_FORMATS = {"__init__", "format", "registry", "tf_stream"}
MODULES = sorted({path.stem for path in Path(lstmzoo.export.formats.__file__).parent.glob("*.py")} - NO_FORMATS)
MODULES = [name for name in MODULES if not name.startswith("c_")]  # parts of c


@pytest.mark.parametrize("module", MODULES)
def test_a_module_ends_with_its_record_and_is_in_the_registry(module):
    room = import_module(f"lstmzoo.export.formats.{module}")
    (record,) = [each for each in vars(room).values() if isinstance(each, Format)]
    assert FORMATS[module] is record
    assert list(vars(room))[-1] == module.upper()


def test_the_registry_holds_nothing_else():
    assert sorted(FORMATS) == MODULES
    endings = [form.ending for form in FORMATS.values()]
    assert len({*endings}) == len(endings)


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_is_complete(name):
    form = FORMATS[name]
    assert callable(form.write) and callable(form.open)
    assert form.ending == "" or form.ending.startswith(".")
    assert form.inside and form.sentence.endswith(".") and "`" in form.sentence
    assert (form.example is None) == callable(form.explain)
    if form.example is not None:
        assert all(form.example), "no line of the example program is missing"
        for part, named in (("open", "{file}"), ("read", "{inside}"), ("run", "{x}")):
            assert named in getattr(form.example, part), part
    assert form.state_after.format(state="h0").startswith("h0")
    assert (name in RUNTIMES) == form.is_runtime
    if form.modules:
        assert name in metadata("lstmzoo").get_all("Provides-Extra"), "an extra installs its modules"


@pytest.mark.parametrize("name", FORMATS)
def test_help_and_docstrings_name_it(name):
    command = (ROOT / "lstmzoo" / "export" / "__main__.py").read_text()
    assert name in command.split("typer.Option(help=")[1].split(")")[0]
    assert f'"{name}"' in export_model.__doc__


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_help_and_docstrings_name_the_runtimes(runtime):
    for command in ("sample", "score", "predict"):
        words = (ROOT / "lstmzoo" / f"{command}.py").read_text().split("runtime: Annotated[")[1].split("] =")[0]
        assert re.search(rf"\b{runtime}\b", words), command
    assert f'"{runtime}"' in sample_text.__doc__
