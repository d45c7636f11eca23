"""What the documents say is so: their code runs, their keys exist, their numbers stand in the results.

`python -m tests.house.test_docs` prints the table of keys for configs/README.md.
"""

import csv
import json
import re
import subprocess
import sys

import pytest

from lstmzoo.config.experiment import Experiment
from lstmzoo.sweep.space.dimensions import Choices, Range
from lstmzoo.sweep.space.sections import SweepSpec
from lstmzoo.zoo.catalogue import markdown_models
from lstmzoo.zoo.pretrained import card
from tests.helpers.places import ROOT

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


def key_table(section=Experiment):
    """A line for each key: dotted path, default, meaning."""
    schema = section.model_json_schema(by_alias=True)
    return ["| key | default | meaning |", "|---|---|---|", *rows(schema, schema.get("$defs", {}), "")]


def rows(section, definitions, path):
    found = []
    for name, key in section["properties"].items():
        inner = [definitions[ref.split("/")[-1]] for ref in references(key)]
        place = f"{path}{name}"
        if not inner:
            default = json.dumps(key.get("const", key.get("default"))).strip('"')
            default = "required" if name in section.get("required", ()) else f"`{default}`"
            default = "the file's stem" if place == "name" else default
            found.append(f"| `{place}` | {default} | {key['description']} |")
        elif "optimizer" in name:
            found.append(f"| `{place}` | `name: adagrad, learning_rate: 0.3` | {key['description']} |")
        else:
            found += [row for part in inner for row in rows(part, definitions, f"{place}.")]
    return list(dict.fromkeys(found))


def references(key):
    refs = (
        [key["$ref"]]
        if "$ref" in key
        else [ref for part in key.get("oneOf", key.get("anyOf", [])) for ref in references(part)]
    )
    return refs


def test_the_two_commands_are_the_first_blocks():
    first, second = blocks("sh")
    assert first == "python -m pip install -e . && python -m lstmzoo.run configs/echo.yaml\n"
    assert second == "python -m pip install -e '.[dev]' && python -m pytest\n"


@pytest.fixture
def printed_by_code(tmp_path, monkeypatch, capsys):
    """What a block of the README prints, and the block of output that stands below it there."""
    monkeypatch.chdir(tmp_path)

    def printed(number):
        code = blocks("python")[number]
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
        below = re.match(r"```\n\n```\n(.*?)^```$", README.split(code)[1], flags=re.M | re.S)
        return capsys.readouterr().out, below and below[1]

    return printed


def test_the_cell_stepped_by_hand(printed_by_code):
    printed, shown = printed_by_code(0)
    assert printed == shown


def test_weights_in_and_out(printed_by_code):
    printed, shown = printed_by_code(1)
    assert printed == shown


def test_an_echo_heard_in_numpy(printed_by_code):
    printed, shown = printed_by_code(2)
    assert printed == shown


def test_a_block_of_code_is_a_program(tmp_path):
    """All that it needs is imported in it."""
    done = subprocess.run([sys.executable, "-c", blocks("python")[2]], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[1, 0, 1, 1, 0]\n"), done.stderr


def test_the_table_of_formats_has_the_measured_times():
    measured = (ROOT / "experiments" / "speed" / "runtimes.md").read_text()
    assert measured in (ROOT / "experiments" / "speed" / "README.md").read_text()
    times = re.findall(r"^\| (.*?) \| ([\d.]+) \| .*? x \| ([\d.]+) \|", measured, flags=re.M)
    assert len(times) == 8
    table = README.split("### Take it anywhere")[1].split("### In your own code")[0]
    for name, *each in times:
        assert all(re.search(rf"\b{re.escape(time)}\b", table) for time in each), name
    first, memory = re.search(r"^\| numpy \| ([\d.]+) s \| (\d+) MB", measured, flags=re.M).groups()
    assert f"NumPy takes {first} s and {memory} MB" in table


def test_the_scores_of_trained_models_are_those_of_their_cards():
    carried, cold = re.findall(r"\| (\d\.\d+) \| \d\.\d+ \|", card("zoo:char_python"))
    assert f"{float(carried):.3f} nats a character with its state carried, {float(cold):.3f} in cold windows" in README


def test_the_zoo_is_the_table_of_the_configs():
    assert markdown_models() + "\n" in (ROOT / "configs" / "README.md").read_text()


def test_windows_trained_in_order(printed_by_code, tmp_path):
    printed, _ = printed_by_code(3)
    assert float(printed.split()[-1]) < 0.1
    assert (tmp_path / "echo.keras").is_file()


def test_fit_with_validation_and_early_stopping(printed_by_code):
    found = [re.fullmatch(r"(\d+) epochs, accuracy (\d\.\d+)\n", text) for text in printed_by_code(4)]
    assert all(int(match[1]) < 50 for match in found)
    assert float(found[0][2]) == pytest.approx(float(found[1][2]), abs=0.002)
    assert float(found[1][2]) > 0.99


def test_a_loop_of_ones_own_learns_to_count(printed_by_code):
    (*losses, counted), (*shown, wanted) = (text.splitlines() for text in printed_by_code(5))
    assert counted.split() == wanted.split() == [str(number) for number in range(300, 318)]
    assert [re.sub(r"\d\.\d+", "", line) for line in losses] == [re.sub(r"\d\.\d+", "", line) for line in shown]
    assert all(float(part[-1].split()[2]) < 0.02 for part in (losses, shown))


def test_the_keys_of_the_configs_are_those_of_the_table():
    for section in (Experiment, SweepSpec, Range, Choices):
        assert "\n".join(key_table(section)) in (ROOT / "configs" / "README.md").read_text()


def test_the_numbers_of_the_tables_are_measured_ones():
    with (ROOT / "experiments" / "echo" / "results.csv").open() as file:
        results = list(csv.DictReader(file))
    assert min(float(row["val_accuracy"]) for row in results) >= 0.999
    for name in {row["config"] for row in results}:
        found = [f"{float(row['val_accuracy']):.4g}" for row in results if row["config"] == name]
        for document in (README, (ROOT / "configs" / "README.md").read_text()):
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
    for name in ("char", "large_text"):
        assert (speed / f"{name}.md").read_text() in (speed / "README.md").read_text()
    with (ROOT / "experiments" / "shakespeare" / "results.csv").open() as file:
        results = {row["name"]: row for row in csv.DictReader(file)}
    best = results["2 x 192, dropout 0.2, 16 lanes"]
    assert f"**{best['carried']}** with the state carried, **{best['cold']}** in cold windows" in README


def test_no_document_links_nowhere():
    for document in [
        ROOT / "README.md",
        *ROOT.glob("*/README.md"),
        *ROOT.glob("*/*/README.md"),
        *ROOT.glob("lstmzoo/**/README.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), (document, target)


if __name__ == "__main__":
    print("\n\n".join("\n".join(key_table(section)) for section in (Experiment, SweepSpec, Range, Choices)))
