"""Each file of a run missing, emptied or replaced by random bytes: what do `sample`, `score` and `--resume` say?"""

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
SETS = ("train.steps=200", "validate.every_steps=50", "checkpoint.every_steps=50")
FILES = (
    "config.yaml",
    "environment.json",
    "vocab.json",
    "metrics.jsonl",
    "result.json",
    "last checkpoint",
    "checkpoints",
)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def scrambled(path: Path) -> None:
    path.write_bytes(random.Random(path.name).randbytes(max(path.stat().st_size, 100)))


DAMAGES: dict[str, Callable[[Path], None]] = {"missing": Path.unlink, "emptied": emptied, "random bytes": scrambled}


def ask(module: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", f"lstmzoo.{module}", *map(str, words)], capture_output=True, text=True)


def cell(run: Path, text: Path, command: str) -> str:
    """Exit status of one command, and that a refusal is one message."""
    words = {"sample": ("sample", run, "--length", 5), "score": ("score", run, text)}
    done = ask(*words.get(command, ("run", "--resume", "--run-dir", run)))
    assert "Traceback" not in done.stderr
    assert done.returncode != 2 or (done.stdout == "" and done.stderr.count("\n") == 1), done.stderr
    return str(done.returncode)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        whole, text = Path(folder, "whole"), Path(folder, "text.txt")
        text.write_text("def f(x):\n    return x\n")
        made = ask("run", HERE / "char.yaml", *(word for part in SETS for word in ("--set", part)), "--run-dir", whole)
        assert made.returncode == 0, made.stderr
        for name in FILES:
            for kind, damage in DAMAGES.items():
                found = []
                for command in ("sample", "score", "--resume"):
                    run = Path(folder, "run")
                    shutil.copytree(whole, run)
                    steps = sorted((run / "checkpoints").iterdir())
                    for path in {"checkpoints": steps, "last checkpoint": steps[-1:]}.get(name, [run / name]):
                        damage(path)
                    found.append(cell(run, text, command))
                    shutil.rmtree(run)
                rows.append(f"| {name} | {kind} | {' | '.join(found)} |")
                print(rows[-1], flush=True)
    head = "| file | is | `sample` | `score` | `--resume` |\n|---|---|---|---|---|"
    (HERE / "directory.md").write_text("\n".join([head, *rows]) + "\n")


if __name__ == "__main__":
    main()
