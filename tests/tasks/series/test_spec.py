"""The section of a series task: where its tables are, and what is refused before they are read."""

import re

import pytest

from lstmzoo.config.checking import check
from lstmzoo.schema.section import Section
from lstmzoo.tasks.series.spec import SeriesSpec


class Whole(Section):
    task: SeriesSpec


@pytest.fixture
def load(tmp_path):
    """Loads a section from a folder with files: the section, or the problems."""
    for name in ("pump-2.csv", "pump-1.csv", "dry.wav", "wet.wav"):
        (tmp_path / name).write_text("a\n1\n")

    def load(**keys):
        data = {"task": {"kind": "series", **keys}}
        whole, problems = check(data, set(), {"folders": [tmp_path], "files_may_lack": False}, Whole)
        return whole.task if whole else "; ".join(f"{'.'.join(map(str, p.path))}: {p.text}" for p in problems)

    return load


DATA = {  # what the YAML says, the files that stand in the resolved config
    "a path": ("pump-1.csv", ["pump-1.csv"]),
    "a list": (["pump-2.csv", "pump-1.csv"], ["pump-2.csv", "pump-1.csv"]),
    "a glob, sorted": ("pump-*.csv", ["pump-1.csv", "pump-2.csv"]),
    "side by side": ({"dry": "dry.wav", "wet": "w*.wav"}, [{"dry": "dry.wav", "wet": "wet.wav"}]),
    "a list of both": (["pump-1.csv", {"a": "dry.wav"}], ["pump-1.csv", {"a": "dry.wav"}]),
}


def absolute(folder, sources):
    return [
        {name: f"{folder}/{file}" for name, file in source.items()}
        if isinstance(source, dict)
        else f"{folder}/{source}"
        for source in sources
    ]


@pytest.mark.parametrize("key", ["data", "validation"])
@pytest.mark.parametrize("case", DATA)
def test_paths_are_absolute_in_the_resolved_config_and_read_back(load, tmp_path, case, key):
    given, files = DATA[case]
    spec = load(**{"data": "pump-1.csv", key: given})
    resolved = spec.model_dump(mode="json")
    assert resolved[key] == absolute(tmp_path, files)
    assert load(**resolved) == spec
    assert not spec.simulated and spec.bytes_needed() == 0


def test_a_simulated_series_stays_a_name(load):
    spec = load(data="narma10", rows=100, inputs="u", targets=["y"])
    assert (spec.data, spec.simulated, spec.bytes_needed(), spec.inputs) == ("narma10", True, 1600, ("u",))
    assert load(**spec.model_dump(mode="json")) == spec


def test_a_run_that_was_moved_is_read_without_its_files():
    data = {"task": {"kind": "series", "data": ["/gone/*.csv", {"a": "/gone/b.wav"}], "validation": "/gone/c.csv"}}
    whole, problems = check(data, set(), {"files_may_lack": True}, Whole)
    assert problems == [] and whole.task.data == ("/gone/*.csv", {"a": "/gone/b.wav"})


PUMP = {"data": "pump-1.csv"}
WRONG = {
    "no file": ({"data": "pomp.csv"}, r"task.data: expected a table or a simulated series \(.*pomp.csv is not there\)"),
    "a misspelt simulation": ({"data": "mackey-glas"}, "did you mean mackey-glass?"),
    "no match": ({"data": "*.npy"}, "no file matches"),
    "a folder": ({"data": "."}, r"is a directory: name its files, such as .*\*.csv"),
    "nothing": ({"data": []}, "expected a table .CSV, NPY, NPZ or WAV.: a path, a list, a glob, or names"),
    "no name": ({"data": 3}, "expected a table .* received 3"),
    "two files beside one": ({"data": {"a": "pump-*.csv"}}, r"one file beside the others \(pump-\*.csv matches 2\)"),
    "a simulation to validate on": (PUMP | {"validation": "narma10"}, "task.validation: .*narma10 is not there"),
    "rows of a file": (
        PUMP | {"rows": 5},
        "task.rows: expected null: only a simulated series has a choice, received 5",
    ),
    "no rows": ({"data": "narma10"}, "task.rows: expected the rows of the simulated series narma10, such as 20000"),
    "no inputs left": (PUMP | {"horizon": 0}, "task.targets: expected columns, as with horizon 0 the inputs are"),
    "a column twice": (PUMP | {"inputs": ["a", "a"]}, r"task.inputs: expected each column once \(a stands twice\)"),
    "a number twice": (PUMP | {"targets": [0, 0]}, r"task.targets: expected each column once \(0 stands twice\)"),
    "no column": (PUMP | {"inputs": [1.5]}, "expected a column, by its name or its number from 0 on, or a list"),
    "no columns": (PUMP | {"targets": []}, "task.targets: expected a column, by its name"),
    "a negative horizon": (PUMP | {"horizon": -1}, "task.horizon: expected 0 or more, received -1"),
    "a segment's key": (PUMP | {"segment": {"colum": "a"}}, "did you mean column?"),
    "a weight of 0": (PUMP | {"loss_weights": [0.0]}, "task.loss_weights.0: expected more than 0.0, received 0.0"),
    "a loss": (PUMP | {"loss": "rmse"}, "expected mse, mae or huber, received 'rmse'; did you mean mse?"),
    "a missing key": ({}, "task.data: expected this required key, received nothing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(load, case):
    keys, says = WRONG[case]
    found = load(**keys)
    assert isinstance(found, str), found
    assert re.search(says, found), found


def test_a_validation_needs_a_part_or_files(load):
    load(**PUMP, validation="pump-2.csv").check(1, 1, 0.0)
    load(**PUMP).check(1, 1, None)
    with pytest.raises(Exception, match="expected a share above 0, task.validation, or validate.every_steps: 0"):
        load(**PUMP).check(1, 1, 0.0)


def test_each_key_is_described():
    keys = SeriesSpec.model_json_schema()["properties"]
    assert [name for name, key in keys.items() if not key.get("description")] == []
    assert {"string", "object", "array"} == {each["type"] for each in keys["data"]["anyOf"]}
