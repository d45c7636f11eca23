"""Rows a second of `predict`, and where TensorFlow overtakes NumPy: `python experiments/speed/predict.py`.

Whole commands, which read NPY and write CSV, in seconds of a processor: other programs on a machine do not change
these. Writes predict.md beside this; `--runtime auto` of `predict` goes by it.
"""

import platform
import resource
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROUNDS, RUNTIMES, ROWS = 3, ("numpy", "tensorflow", "onnx"), (50_000, 500_000)
MODELS = {"1 x 16": "{kind: single, units: 16}", "2 x 32": "{kind: stacked_layers, units: 32, depth: 2}"}
CONFIG = """
task: {{kind: series, data: mackey-glass, rows: 2000}}
model: {model}
train: {{batch_size: 4, seq_length: 50, steps: 1}}
"""


def main() -> None:
    """Run the commands in turn, write the table."""
    with tempfile.TemporaryDirectory() as name:
        place, cases = Path(name), list(product(MODELS, ROWS, RUNTIMES))
        for rows in ROWS:
            np.save(place / f"{rows}.npy", np.sin(np.arange(rows) / 9).astype(np.float32))
        for model, section in MODELS.items():
            (place / "config.yaml").write_text(CONFIG.format(model=section))
            command("run", place / "config.yaml", "--run-dir", place / model)
        found = {case: [] for case in cases}
        for _ in range(ROUNDS):
            for model, rows, runtime in cases:
                words = (place / model, place / f"{rows}.npy", "--out", place / "out.csv", "--runtime", runtime)
                found[model, rows, runtime].append(command("predict", *words))
                (place / "out.csv").unlink()
    lines = table({case: min(seconds) for case, seconds in found.items()})
    how = f"Python {platform.python_version()}, {platform.machine()}; the least of {ROUNDS} interleaved rounds"
    (HERE / "predict.md").write_text("\n".join([*lines, "", how, ""]))
    print("\n".join(lines))


def command(*words: object) -> float:
    """Run a command of the package, and return the seconds of a processor that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "lstmzoo", *map(str, words)], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(found: dict[tuple[str, int, str], float]) -> list[str]:
    """Return the seconds of each command, and the rows a second once it has started."""
    heads = " | ".join(f"{runtime}, s" for runtime in RUNTIMES)
    lines = [f"| model | rows | {heads} |", f"|---|---|{'---|' * len(RUNTIMES)}"]
    for model, rows in product(MODELS, ROWS):
        lines.append(f"| {model} | {rows:,} | {' | '.join(f'{found[model, rows, each]:.1f}' for each in RUNTIMES)} |")
    for model in MODELS:
        more = [found[model, ROWS[1], each] - found[model, ROWS[0], each] for each in RUNTIMES]
        rates = " | ".join(f"{(ROWS[1] - ROWS[0]) / seconds:,.0f}" for seconds in more)
        lines.append(f"| {model} | a second, once started | {rates} |")
    return lines


if __name__ == "__main__":
    main()
