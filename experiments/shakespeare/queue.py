"""Train and score every row of rows.yaml that has no result yet, one at a time; the same command again goes on.

`python experiments/shakespeare/queue.py [NAME...]` takes the rows in the order of the file (those named alone, if any),
the first seed of all of them first.
A row that was stopped goes on from its last checkpoint. Results are appended to runs.csv beside this. With
`--keep DIR` the runs stay in DIR; else they stand in experiments/runs while they are trained.

A row of the table `choosing` or `ablation` is trained on the first 85 % of tinyshakespeare and scored on the next 5 %;
the last 10 % are not in its file at all. A row of the table `report` is trained on the first 90 % and scored on the
last 10 %, whole and in two halves. No run validates: the score is that of the last weights (the averaged ones, where a
row averages).
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]  # this is not the `queue` of Python

import yaml  # noqa: E402

import lstmzoo  # noqa: E402
from lstmzoo.data.corpora import corpus_files  # noqa: E402

RESULTS = HERE / "runs.csv"
PLAIN = HERE / "plain.yaml"
LAST, CHOOSE = 111_540, 55_770  # characters: the last 10 %, and the 5 % before them
COLUMNS = ["name", "table", "seed", "set", "parameters", "steps", "seconds", "train_loss", "carried", "cold"]
COLUMNS += [f"{protocol}_{half}" for protocol in ("carried", "cold") for half in ("first", "second")]


def expand(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each row what it takes over from the row that it is `like`, and one entry a seed."""
    sets: dict[str, dict[str, Any]] = {}
    found = []
    for row in rows:
        changes = {**(sets[row["like"]] if "like" in row else {}), **row.get("set", {})}
        sets[row["name"]] = {key: value for key, value in changes.items() if value is not None}
        for seed in row.get("seeds", [0]):
            found.append({"name": row["name"], "table": row["table"], "seed": seed, "set": sets[row["name"]]})
    return found


def texts(place: Path) -> dict[str, Path]:
    """Write the parts of the text that are trained on or scored."""
    whole = corpus_files("tinyshakespeare")[0].read_bytes()
    kept, last = whole[:-LAST], whole[-LAST:]
    parts = {
        "report": whole,
        "choose": kept,
        "choose_score": kept[-CHOOSE:],
        "report_score": last,
        "report_first": last[: LAST // 2],
        "report_second": last[LAST // 2 :],
    }
    for name, text in parts.items():
        (place / f"{name}.txt").write_bytes(text)
    return {name: place / f"{name}.txt" for name in parts}


def part_of(row: dict[str, Any]) -> str:
    """Return the part of the text that a row is about."""
    return "report" if row["table"] == "report" else "choose"


def overrides(row: dict[str, Any], text: dict[str, Path]) -> list[str]:
    """Write a row as overrides of plain.yaml."""
    part = part_of(row)
    held_out = 0.1 if part == "report" else CHOOSE / text[part].stat().st_size
    task = {"kind": "char", "text": str(text[part])}
    values = {"task": task, "seed": row["seed"], "validate.fraction": held_out, **row["set"]}
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def train(row: dict[str, Any], run: Path, text: dict[str, Path]) -> dict[str, Any]:
    """Train a row, or let it go on, in a process of its own."""
    if result_of(run).get("status") != "completed":
        sets = [word for override in overrides(row, text) for word in ("--set", override)]
        line = ["--resume", "--run-dir", str(run)] if run.exists() else [str(PLAIN), *sets, "--run-dir", str(run)]
        subprocess.run([sys.executable, "-m", "lstmzoo.run", *line], check=True)
    return result_of(run)


def result_of(run: Path) -> dict[str, Any]:
    """Return what a run has come to; nothing where it has no result."""
    result = run / "result.json"
    return dict(json.loads(result.read_text())) if result.exists() else {}


def scores(row: dict[str, Any], run: Path, text: dict[str, Path]) -> dict[str, str]:
    """Score the last weights of a row's run."""
    found, part = {}, part_of(row)
    for end in ("score", "first", "second") if part == "report" else ("score",):
        score = lstmzoo.score_text(run, text[f"{part}_{end}"])
        for protocol in ("carried", "cold"):
            found[protocol if end == "score" else f"{protocol}_{end}"] = f"{score[protocol]['nats']:.4f}"
    return found


def measure(row: dict[str, Any], place: Path, text: dict[str, Path]) -> dict[str, Any]:
    """Train and score one row."""
    run = place / f"{row['table']} {row['name']} seed {row['seed']}".replace(",", "").replace(" ", "_").replace(
        "/", "-"
    )
    result = train(row, run, text)
    changes = " ".join(f"{key}={json.dumps(value)}" for key, value in row["set"].items())
    shown = {"parameters": result["parameters"], "steps": result["steps"], "seconds": round(result["train_seconds"])}
    loss = f"{result['final']['epoch_train_loss']:.4f}"
    return {**row, "set": changes, **shown, "train_loss": loss, **scores(row, run, text)}


def key(row: dict[str, Any]) -> tuple[str, ...]:
    """Return what one result stands for."""
    return row["table"], row["name"], str(row["seed"])


def append(row: dict[str, Any]) -> None:
    """Write a result below those that stand."""
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        if new:
            table.writeheader()
        table.writerow(row)


def main() -> None:
    """Take the rows that have no result, one after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - {row["name"] for row in planned()}):
        parser.error(f"NAME: expected names of rows.yaml, received {', '.join(map(repr, unknown))}")
    place = given.keep or HERE.parent / "runs" / "shakespeare"
    place.mkdir(parents=True, exist_ok=True)
    text = texts(place)
    while waiting := waits(given.names):
        row = waiting[0]
        append(measure(row, place, text))
        if not given.keep:
            shutil.rmtree(place)
            place.mkdir(parents=True)
            text = texts(place)


def planned() -> list[dict[str, Any]]:
    """Return all rows of rows.yaml, one entry a seed."""
    return expand(yaml.safe_load((HERE / "rows.yaml").read_text()))


def waits(names: list[str]) -> list[dict[str, Any]]:
    """List the rows without a result; the file is read again each time, so rows can be added meanwhile."""
    done = {key(row) for row in csv.DictReader(RESULTS.open())} if RESULTS.exists() else set()
    waiting = [row for row in planned() if key(row) not in done and (not names or row["name"] in names)]
    return sorted(waiting, key=lambda row: int(row["seed"]))


if __name__ == "__main__":
    main()
