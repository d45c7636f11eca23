"""What the documents say is so: their code runs, their keys exist, their numbers stand in the results.

`python -m tests.house.test_docs` prints the tables of keys for configs/README.md.
"""

import csv
import json
import math
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lstmzoo.config.experiment import Experiment
from lstmzoo.export.formats.c_header import Header
from lstmzoo.runs.trained import open_run
from lstmzoo.sweep.space.dimensions import Choices, Range
from lstmzoo.sweep.space.load import load_sweep
from lstmzoo.sweep.space.sections import SweepSpec
from lstmzoo.zoo.catalogue import markdown_models
from lstmzoo.zoo.pretrained import card
from tests.helpers.places import ROOT
from tests.helpers.rows import few
from tests.house.test_layers import COMMANDS, ORDER

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / "README.md", *ROOT.glob("configs/**/README.md"), *ROOT.glob("experiments/**/README.md"))
} | {str(path.relative_to(ROOT)): path.read_text() for path in ROOT.glob("lstmzoo/**/README.md")}
README, CONFIGS, EXPORT, INFERENCE = (
    DOCUMENTS[name] for name in ("README.md", "configs/README.md", "lstmzoo/export/README.md", "lstmzoo/inference/README.md")
)  # fmt: skip
ALONE = "lstmzoo/inference/README.md"  # its code needs no TensorFlow, but to train
WITH_CODE = sorted(name for name, text in DOCUMENTS.items() if "```python\n" in text)


def key_table(section=Experiment):
    """A line for each key: dotted path, default, meaning."""
    schema = section.model_json_schema(by_alias=True)
    return ["| key | default | meaning |", "|---|---|---|", *rows(schema, schema.get("$defs", {}), "")]


def rows(section, definitions, path):
    found = []
    for name, key in section["properties"].items():
        inner = [definitions[ref.split("/")[-1]] for ref in references(key)]
        place = f"{path}{name}"
        if not inner or not isinstance(key.get("default", {}), dict):  # a section that may lack, or a word in its place
            default = json.dumps(key.get("const", key.get("default"))).strip('"')
            default = "required" if name in section.get("required", ()) else f"`{default}`"
            default = "the file's stem" if place == "name" else default
            found.append(f"| `{place}` | {default} | {key['description']} |")
        if "optimizer" in name:
            found.append(f"| `{place}` | `name: adagrad, learning_rate: 0.3` | {key['description']} |")
        elif inner:
            found += [row for part in inner for row in rows(part, definitions, f"{place}.")]
    return list(dict.fromkeys(found))


def references(key):
    refs = (
        [key["$ref"]]
        if "$ref" in key
        else [ref for part in key.get("oneOf", key.get("anyOf", [])) for ref in references(part)]
    )
    return refs


def test_the_first_page_is_short_and_begins_with_the_two_commands():
    assert README.count("\n") < 220
    first, second = re.findall(r"^```sh\n(.*?)^```$", README, flags=re.M | re.S)
    assert first == "python -m pip install -e . && python -m lstmzoo.run configs/echo.yaml\n"
    assert second == "python -m pip install -e '.[dev]' && python -m pytest\n"


def same(printed, shown, folder):
    """Whatever stands below a block is what it prints."""
    assert printed == shown


def low_loss(printed, shown, folder):
    assert float(printed.split()[-1]) < 0.1
    assert (folder / "echo.keras").is_file()


def stopped_early(printed, shown, folder):
    found = [re.fullmatch(r"(\d+) epochs, accuracy (\d\.\d+)\n", text) for text in (printed, shown)]
    assert all(int(match[1]) < 50 for match in found)
    assert float(found[0][2]) == pytest.approx(float(found[1][2]), abs=0.002)
    assert float(found[1][2]) > 0.99


def counted(printed, shown, folder):
    (*losses, count), (*as_shown, wanted) = (text.splitlines() for text in (printed, shown))
    assert count.split() == wanted.split() == [str(number) for number in range(300, 318)]
    assert [re.sub(r"\d\.\d+", "", line) for line in losses] == [re.sub(r"\d\.\d+", "", line) for line in as_shown]
    assert all(float(part[-1].split()[2]) < 0.02 for part in (losses, as_shown))


VARYING = {"echo.keras": low_loss, "EarlyStopping(": stopped_early, "GradientTape(": counted}  # by a word of theirs


def blocks_of(name):
    """(code, output below it or None) of each block of Python."""
    return re.findall(r"^```python\n(.*?)^```$(?:\n\n```\n(.*?)^```$)?", DOCUMENTS[name], flags=re.M | re.S)


LONG = {
    "lstmzoo/models/README.md",
    "lstmzoo/export/README.md",
    ALONE,
}  # which train (of ALONE the rest is tested below)


@pytest.mark.parametrize("name", few(WITH_CODE, {*WITH_CODE} - LONG))
def test_code_runs_and_prints_what_stands_below_it(name, tmp_path, monkeypatch, capsys):
    """All blocks of a document in one folder, each with names of its own."""
    monkeypatch.chdir(tmp_path)
    for code, shown in blocks_of(name):
        exec(compile(code, name, "exec"), {"__name__": "__main__"})
        check = next((check for word, check in VARYING.items() if word in code), same)
        check(capsys.readouterr().out, shown, tmp_path)


def test_code_for_machines_without_tensorflow_imports_none(tmp_path):
    code, shown = zip(*(block for block in blocks_of(ALONE) if "train_run" not in block[0]), strict=True)
    programs = "".join(f"exec({text!r}, {{'__name__': '__main__'}})\n" for text in code)
    program = f"{programs}import sys\nassert 'tensorflow' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "".join(shown)), done.stderr


@pytest.mark.slow
def test_commands_that_go_on_from_a_state_print_what_stands_below_them(tmp_path):
    """All of them in one shell, in the folder of the run that the page trains."""
    (train,) = (code for code, _ in blocks_of(ALONE) if "train_run" in code)
    (shown,) = (block for block in re.findall(r"^```\n(\$ .*?)^```$", INFERENCE, re.M | re.S) if "--state" in block)
    lines = shown.splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", train], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        ["bash", "-c", "\n".join(commands)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.stdout.splitlines(), done.stderr) == ([line for line in lines if not line.startswith("$ ")], "")


def test_each_block_whose_numbers_vary_is_there_once():
    codes = [code for name in WITH_CODE for code, _ in blocks_of(name)]
    assert [sum(word in code for code in codes) for word in VARYING] == [1] * len(VARYING)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_commands_and_links_exist(name):
    text, folder = DOCUMENTS[name], (ROOT / name).parent
    for path in re.findall(r"(?<![\w/.*-])[\w/]+\.py\b", text):
        assert any((place / path).is_file() for place in (folder, ROOT, ROOT / "lstmzoo")), path
    for path in re.findall(r"`((?:lstmzoo|tests|experiments|configs)/[\w/.*-]+)`", text):
        assert path.startswith(("experiments/runs", "experiments/sweeps")) or any(ROOT.glob(path)), path
    assert set(re.findall(r"python -m lstmzoo\.(\w+)", text)) <= COMMANDS
    assert set(re.findall(r"python -m (tests[\w.]*)", text)) <= {"tests.house.test_docs"}
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", text):
        place = folder / target if target else ROOT / name
        assert place.exists(), target
        assert not anchor or anchor in map(slug, re.findall(r"^#+ (.*)$", place.read_text(), flags=re.M)), anchor


@pytest.mark.parametrize("name", [name for name, text in DOCUMENTS.items() if "## To change something here" in text])
def test_names_in_the_guide_stand_in_the_files_beside_them(name):
    guide = DOCUMENTS[name].split("## To change something here")[1]
    for path, names in re.findall(r"`([\w/]+\.py)`\s+\(([^)]*)\)", guide):
        places = [place / path for place in ((ROOT / name).parent, ROOT, ROOT / "lstmzoo")]
        source = next(place for place in places if place.is_file()).read_text()
        missing = [
            word for word in re.findall(r"`([\w.]+)`", names) if word.split(".")[-1].split("/")[-1] not in source
        ]
        assert missing == [], path


def slug(heading):
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_config_is_measured():
    assert [line for text in DOCUMENTS.values() for line in text.splitlines() if "not measured yet" in line] == []


def test_the_tree_of_packages_is_the_one_of_the_imports():
    tree = README.split("## How it is built")[1].split("## Where to read on")[0]
    found = re.findall(r"^  (\w+)(?:/|\.py) +(command)? +(\d+)  ", tree, flags=re.M)
    assert [(name, int(floor)) for name, _, floor in found] == [(name, k + 1) for k, name in enumerate(ORDER)]
    assert {name for name, kind, _ in found if kind} == COMMANDS & set(ORDER)


def test_the_table_of_formats_has_the_measured_times():
    measured = (ROOT / "experiments" / "speed" / "runtimes.md").read_text()
    assert measured in DOCUMENTS["experiments/speed/README.md"]
    times = re.findall(r"^\| (.*?) \| ([\d.]+) \| .*? x \| ([\d.]+) \|", measured, flags=re.M)
    assert len(times) == 8
    for name, *each in times:
        assert all(re.search(rf"\b{re.escape(time)}\b", EXPORT) for time in each), name
    first, memory = re.search(r"^\| numpy \| ([\d.]+) s \| (\d+) MB", measured, flags=re.M).groups()
    assert f"NumPy takes {first} s and {memory} MB" in INFERENCE


def test_the_times_of_c_are_measured_ones():
    measured = (ROOT / "experiments" / "speed" / "c.md").read_text()
    assert measured in DOCUMENTS["experiments/speed/README.md"]
    table = EXPORT.split("| | 16 units |")[1].split("\n\n")[0].splitlines()[2:]
    assert len(table) == 6
    assert [line for line in table if line not in measured] == []


def test_the_table_of_runtimes_has_measured_numbers():
    """Its rows are those of c.md and hot_start.md, and the bytes of the model that they name."""
    speed, blueprint = ROOT / "experiments" / "speed", open_run("zoo:char_python").blueprint()
    steps, starts = (
        {cells[1].strip(): [cell.strip() for cell in cells[2:]] for cells in (line.split("|") for line in lines)}
        for lines in (re.findall(r"^\|.*", (speed / name).read_text(), flags=re.M) for name in ("c.md", "hot_start.md"))
    )
    names = {"TensorFlow": "our graph loop", "LiteRT": "TFLite"} | {
        f"C {kind}": f"C {kind} -O3 -march=native" for kind in ("float32", "int8")
    }
    flash = {f"C {kind}": Header(blueprint, kind == "int8").cost().flash for kind in ("float32", "int8")}
    packed = re.search(r"\*\*Size\*\*: ([\d,]+) kB", card("zoo:char_python"))[1]
    rows = EXPORT.split("## Which runtime for what")[1].split("\n\n")[1].splitlines()[2:]
    assert len(rows) == 6
    for row in rows:
        name, _, start, *times, size, _, _ = (cell.strip() for cell in row.strip("|").split("|"))
        measured = steps[names.get(name, name)]
        assert times == [measured[k] for k in (0, 2, 3, 4)], name
        file, first = starts[name.split(" float32")[0]][:2] if name != "C int8" else ("", "")
        assert start.split(";")[0] == first, name
        of_file = f"{round(flash[name] / 1000):,} of flash" if name in flash else file or f"(the run: {packed})"
        assert size == of_file, name
    assert f"first character (2 x 128): {1000 * 0.0006:.1f} ms" in (speed / "c.md").read_text()


def test_the_scores_of_trained_models_are_those_of_their_cards():
    carried, cold = re.findall(r"\| (\d\.\d+) \| \d\.\d+ \|", card("zoo:char_python"))
    assert f"{float(carried):.3f} nats a character with its state carried, {float(cold):.3f} in cold windows" in README


def test_the_tables_for_the_configs_are_as_described():
    described = re.findall(r"^\| `(.*?)` \| ([\d,]+) \| (.*?) \|", DOCUMENTS["configs/data/README.md"], flags=re.M)
    assert sorted(name for name, *_ in described) == sorted(path.name for path in ROOT.glob("configs/data/*.csv"))
    for name, count, columns in described:
        header, *rows = csv.reader((ROOT / "configs" / "data" / name).read_text().splitlines())
        assert re.sub(r" \(.*?\)", "", columns).split(", ") == header
        assert f"{len(rows):,}" == count
        assert all(math.isfinite(float(cell)) for row in rows for cell in row)
        assert {len(row) for row in rows} == {len(header)}


def test_what_a_model_can_find_in_the_weather_is_measured():
    """Six rows ahead over the last fifth: the last known value, and a linear model of the last 48 rows."""
    table = np.loadtxt(ROOT / "configs" / "data" / "laguardia.csv", delimiter=",", skiprows=1)
    inputs = np.lib.stride_tricks.sliding_window_view(table, 48, axis=0)[:-6].reshape(-1, 3 * 48)
    known, targets, first = table[47:-6, 0], table[53:, 0], round(0.8 * len(table)) - 53
    inputs = np.column_stack([inputs, np.ones(len(inputs))])
    linear = inputs[first:] @ np.linalg.lstsq(inputs[:first], targets[:first], rcond=None)[0]
    errors = (np.sqrt(np.mean((guess - targets[first:]) ** 2)) for guess in (known[first:], linear))
    words = "the last known temperature errs by {:.1f} degrees (root mean square), and a linear model of the last 48 hours of all columns by {:.1f}"
    assert words.format(*errors) in DOCUMENTS["configs/data/README.md"]


def test_the_zoo_is_the_table_of_the_configs():
    assert markdown_models() + "\n" in CONFIGS


def test_the_keys_of_the_configs_are_those_of_the_table():
    for section in (Experiment, SweepSpec, Range, Choices):
        assert "\n".join(key_table(section)) in CONFIGS


def test_the_numbers_of_the_tables_are_measured_ones():
    with (ROOT / "experiments" / "echo" / "results.csv").open() as file:
        results = list(csv.DictReader(file))
    assert min(float(row["val_accuracy"]) for row in results) >= 0.999
    for name in {row["config"] for row in results}:
        found = [f"{float(row['val_accuracy']):.4g}" for row in results if row["config"] == name]
        for document in (README, CONFIGS):
            assert re.search(rf"`{name}.yaml`.*{', '.join(found)}", document), name
    with (ROOT / "experiments" / "speed" / "echo.md").open() as file:
        measured = {
            cells[1].strip(): cells[2].strip() for cells in (line.split("|") for line in file) if len(cells) > 2
        }
    for program in ("tf_keras fit", "PyTorch nn.LSTM", "lstmzoo (xla)"):
        assert f" {measured[program]} |" in README


def test_the_numbers_of_the_char_tables_are_measured_ones():
    speed = ROOT / "experiments" / "speed"
    measured = (speed / "char.md").read_text()
    (table,) = re.findall(r"^\| program \| train 2 x 128.*?\n\n", README, flags=re.M | re.S)
    numbers = [number for row in table.splitlines()[2:] for number in re.findall(r" ([\d.,]+) ", row)]
    assert len(numbers) == 9
    assert all(f" {number} (" in measured for number in numbers)
    for name in ("char", "large_text", "predict"):
        assert (speed / f"{name}.md").read_text() in DOCUMENTS["experiments/speed/README.md"]
    with (ROOT / "experiments" / "shakespeare" / "runs.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == "report"]
    seeds = [row for row in rows if row["name"] == "180 s, 2 x 256, rate 12e-3"]
    carried, cold = (f"{statistics.mean(float(row[name]) for row in seeds):.4f}" for name in ("carried", "cold"))
    assert len(seeds) == 3
    assert f"**{carried}** with the state carried, **{cold}** in cold windows" in README.replace("\n", " ")
    (long,) = (row for row in rows if row["name"] == "half an hour, 2 x 384")
    assert f"gives **{long['carried']}** and **{long['cold']}** (one seed)" in README.replace("\n", " ")
    page = DOCUMENTS["experiments/shakespeare/README.md"]
    assert all(f"| {number} |" in page for number in (carried, cold, long["carried"], long["cold"]))


def test_the_seconds_of_a_hot_start_are_measured_ones():
    measured = (ROOT / "experiments" / "speed" / "hot_start.md").read_text()
    assert measured in DOCUMENTS["experiments/speed/README.md"]
    again, state = re.search(r"^\| NumPy \|  \| [\d.]+ \| ([\d.]+) \| ([\d.]+) \|", measured, flags=re.M).groups()
    assert f"take {state} s\nfrom the start of a process with NumPy, and {again} s" in INFERENCE


def test_the_numbers_of_the_series_are_measured_ones():
    """Medians and ends of three seeds; ours beats whoever knows less, and no seed of ours is far behind."""
    folder, page = ROOT / "experiments" / "series", DOCUMENTS["experiments/series/README.md"]
    assert (folder / "results.md").read_text() in page
    head, _, *lines = (folder / "results.md").read_text().splitlines()
    methods = head.split(" | ")[2:6]
    for line in lines:
        results = list(csv.DictReader((folder / "results.csv").read_text().splitlines()))
        series, ahead, *shown, ratio = line.strip("| ").split(" | ")
        seeds = [row for row in results if (row["series"], row["ahead"]) == (series, ahead)]
        found = {method: sorted(float(row[method]) for row in seeds) for method in methods}
        assert shown == [f"{middle:.2g} ({low:.2g} to {high:.2g})" for low, middle, high in found.values()]
        low, _, high = found["lstmzoo"]
        assert ratio == f"{high / low:.2f}" and (high / low < 1.5 or ahead == "84")  # chaos: errors have grown
        assert high < min(found["linear"][0], found["persistence"][0])


def test_the_searches_of_the_series_are_those_of_their_tables():
    """Each trial of a leaderboard has values that its search gives, the best one first."""
    for path in (ROOT / "experiments" / "series" / "sweeps").glob("*.yaml"):
        search, rows = load_sweep(path), list(csv.DictReader(path.with_suffix(".csv").read_text().splitlines()))
        assert len(rows) == search.trials
        assert rows == sorted(rows, key=lambda row: float(row["val_loss"]))


def test_the_cells_of_the_guide_are_measured_ones():
    for name in ("results.md", "long.md"):
        assert (ROOT / "experiments" / "inspect" / name).read_text() in DOCUMENTS["lstmzoo/inspect/README.md"]


def test_the_numbers_of_the_lessons_are_measured_ones():
    tables = (ROOT / "experiments" / "lessons" / "results.md").read_text().split("\n\n")
    assert len(tables) == 6
    assert [
        table.splitlines()[0] for table in tables if table.strip() not in DOCUMENTS["experiments/lessons/README.md"]
    ] == []


if __name__ == "__main__":
    print("\n\n".join("\n".join(key_table(section)) for section in (Experiment, SweepSpec, Range, Choices)))
