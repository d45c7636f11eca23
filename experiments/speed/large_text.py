"""A text of 1 GB: how fast it is encoded, and whether training is as fast and as small as on 1 MB.

`python experiments/speed/large_text.py [MB]` writes large_text.md beside this. The text is made here: English-looking
words drawn from a fixed list, with a curly quote now and then, so both ways of decoding are met. Each measurement is a
process of its own, so that its memory is its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROUNDS = 3
TRAINING = ["train.batch_size=50", "train.seq_length=50", "train.steps=600", "train.optimizer.name=adam"]
VALIDATION = ["validate.every_steps=300", "sample.every_steps=0"]
HELD_OUT = 20_000  # symbols


def make_text(path: Path, megabytes: int, ascii_only: bool) -> None:
    """Words of the same list in random order, a million bytes at a time."""
    words = [f"{a}{b}{c}" for a in "bcdfglmnprst" for b in "aeiou" for c in ("n", "r", "st", "l", "", "ck")]
    words += ["\n", ". The", ", and"] * 20 + ([] if ascii_only else ["\u201cso\u201d"])
    draws = np.random.default_rng(0)
    with path.open("wb") as file:
        while file.tell() < megabytes * 1_000_000:
            file.write(" ".join(np.take(words, draws.integers(0, len(words), 200_000))).encode())
        file.truncate(megabytes * 1_000_000)


def encode(path: str) -> dict[str, float]:
    """Seconds of reading a text that was never read, and of reading it again."""
    from lstmzoo.data.reading import Reading
    from lstmzoo.data.text import read_text

    times = []
    for _ in range(2):
        start = time.perf_counter()
        text = read_text([Path(path)], Reading(errors="replace"))
        times.append(time.perf_counter() - start)
    return {"symbols": len(text.ids), "first": times[0], "again": times[1], **_memory()}


def train(path: str) -> dict[str, float]:
    """Symbols a second of training 2 x 128, by a run's clock and by the wall's, and the process's memory."""
    import lstmzoo
    from lstmzoo.system.command_line import start_tensorflow

    start_tensorflow(2)
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "large.yaml"
        config.write_text(
            f"task: {{kind: char, text: {path}, errors: replace}}\nmodel: char_2x128\ntrain: {{steps: 1}}\n"
        )
        fraction = HELD_OUT / Path(path).stat().st_size
        overrides = [*TRAINING, *VALIDATION, f"validate.fraction={fraction:.9f}"]
        start = time.perf_counter()
        result = lstmzoo.train_run(lstmzoo.load_config(config, overrides), Path(place) / "run")
        wall = time.perf_counter() - start
    return {"symbols_per_second": result["symbols_per_second"], "wall": wall, **_memory()}


def _memory() -> dict[str, float]:
    return {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000}


def apart(what: str, path: Path, cache: Path) -> dict[str, float]:
    """Run a measurement in a process of its own."""
    line = [sys.executable, __file__, what, str(path)]
    environment = {**os.environ, "LSTMZOO_CACHE": str(cache)}
    done = subprocess.run(line, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(megabytes: int) -> None:
    """Make the texts, measure in turns, write the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        texts = {}
        for name, size, ascii_only in (
            ("small", 1, False),
            ("large", megabytes, False),
            ("large, ASCII", megabytes, True),
        ):
            texts[name] = folder / f"{name}.txt"
            make_text(texts[name], size, ascii_only)
        encoded = {name: apart("encode", path, folder / "cache") for name, path in texts.items()}
        rounds = [
            {name: apart("train", texts[name], folder / "cache") for name in ("small", "large")} for _ in range(ROUNDS)
        ]
    lines = ["| text | MB | encoded at | read again in | memory of encoding |", "|---|---|---|---|---|"]
    for name, found in encoded.items():
        size = megabytes if "large" in name else 1
        speed, memory = size / found["first"], found["megabytes"]
        lines.append(f"| {name} | {size} | {speed:,.0f} MB/s | {found['again']:.2f} s | {memory:,.0f} MB |")
    lines += [
        "",
        "| training on | symbols/s of each round | whole run, s of each round | largest memory |",
        "|---|---|---|---|",
    ]
    for name in ("small", "large"):
        speeds = ", ".join(f"{found[name]['symbols_per_second']:,.0f}" for found in rounds)
        walls = ", ".join(f"{found[name]['wall']:.1f}" for found in rounds)
        lines.append(f"| {name} | {speeds} | {walls} | {max(found[name]['megabytes'] for found in rounds):,.0f} MB |")
    (HERE / "large_text.md").write_text("\n".join([*lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    if sys.argv[1:2] in (["encode"], ["train"]):
        print(json.dumps({"encode": encode, "train": train}[sys.argv[1]](sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
