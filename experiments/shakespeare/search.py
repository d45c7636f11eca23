"""What is the best LSTM for tinyshakespeare in 180 s of training on two cores?

`python experiments/shakespeare/search.py [NAME...]` trains each candidate below (or those named) with
configs/char_shakespeare_180s.yaml and its overrides, scores the last 111,540 characters with `lstmzoo.score`, and
writes results.csv and results.md beside this. A candidate that stands in results.csv already is not trained again.
"""

import csv
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import lstmzoo
from lstmzoo.data.corpora import corpus_files

HERE = Path(__file__).parent
CONFIG = HERE.parent.parent / "configs" / "char_shakespeare_180s.yaml"
HELD_OUT = 111_540
COLUMNS = ["name", "overrides", "parameters", "steps", "epochs", "train_loss", "best_step", "carried", "cold", "bpc"]


def net(units: str, dropout: float, *more: str, lanes: int = 32) -> list[str]:
    """Overrides of one candidate."""
    depth = len(json.loads(units))
    return [
        f"model.units={units}",
        f"model.depth={depth}",
        f"model.dropout={dropout}",
        f"train.batch_size={lanes}",
        *more,
    ]


CANDIDATES = {
    "2 x 192, dropout 0.2, 32 lanes": net("[192, 192]", 0.2),
    "2 x 256, dropout 0.2, 32 lanes": net("[256, 256]", 0.2),
    "2 x 192, dropout 0.2, 16 lanes": net("[192, 192]", 0.2, lanes=16),
    "2 x 192, dropout 0.3, 32 lanes": net("[192, 192]", 0.3),
    "1 x 192, 32 lanes": net("[192]", 0.0),
    "2 x 192, dropout 0.2, 16 lanes, seed 1": net("[192, 192]", 0.2, "seed=1", lanes=16),
    "2 x 192, dropout 0.2, 16 lanes, seed 2": net("[192, 192]", 0.2, "seed=2", lanes=16),
}


def measure(name: str, place: Path, text: Path) -> dict[str, object]:
    """Train one candidate in a process of its own, and score it."""
    sets = [word for override in CANDIDATES[name] for word in ("--set", override)]
    run = place / name.replace(" ", "_").replace(",", "")
    line = [sys.executable, "-m", "lstmzoo.run", str(CONFIG), *sets, "--run-dir", str(run)]
    subprocess.run([*line, "--set", "sample.every_steps=0"], check=True)
    scored = subprocess.run(
        [sys.executable, "-m", "lstmzoo.score", str(run), str(text), "--window", "256", "--json"],
        check=True,
        stdout=subprocess.PIPE,
    )
    result, score = json.loads((run / "result.json").read_text()), json.loads(scored.stdout)
    return {
        "name": name,
        "overrides": " ".join(CANDIDATES[name]),
        "parameters": result["parameters"],
        "steps": result["steps"],
        "epochs": result["epochs"],
        "train_loss": f"{result['final']['epoch_train_loss']:.4f}",
        "best_step": score["step"],
        "carried": f"{score['carried']['nats']:.4f}",
        "cold": f"{score['cold']['nats']:.4f}",
        "bpc": f"{score['carried']['nats'] / math.log(2):.4f}",
    }


def main(names: list[str]) -> None:
    """Measure the candidates that have no row; the tables are written after each of them."""
    for overrides in CANDIDATES.values():
        lstmzoo.load_config(CONFIG, overrides)  # a mistake shows at once
    results = HERE / "results.csv"
    rows = list(csv.DictReader(results.open())) if results.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "last.txt"
        text.write_bytes(corpus_files("tinyshakespeare")[0].read_bytes()[-HELD_OUT:])
        for name in names or CANDIDATES:
            if name not in {row["name"] for row in rows}:
                rows.append(measure(name, Path(folder), text))
                write(rows)


def write(rows: list[dict[str, object]]) -> None:
    """results.csv, and a table sorted by the carried loss."""
    with (HERE / "results.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    shown = [column for column in COLUMNS if column != "overrides"]
    lines = [f"| {' | '.join(shown)} |", "|" + "---|" * len(shown)]
    for row in sorted(rows, key=lambda row: float(str(row["carried"]))):
        lines.append("| " + " | ".join(str(row[column]) for column in shown) + " |")
    (HERE / "results.md").write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main(sys.argv[1:])
