"""SIGKILL at fifty random steps of a run, each time gone on with by --resume: is the end that of a run left alone?"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lstmzoo.runs.checkpoint import checkpoint_steps, load_checkpoint

HERE, KILLS = Path(__file__).parent, 50
CLOCK = ("elapsed_seconds", "symbols_per_second", "train_seconds")


def start(config: Path, run: Path) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "lstmzoo.run", str(config), "--run-dir", str(run), "--resume"]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def steps_of(run: Path) -> int:
    """Lines of metrics.jsonl."""
    try:
        return (run / "metrics.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def kill_at(config: Path, run: Path, step: int) -> int | None:
    """The step at which the process was killed, or None if it ended before."""
    before = steps_of(run)
    process = start(config, run)
    while process.poll() is None:
        now = steps_of(run)
        if now >= step and now != before:  # what an earlier process wrote after its last checkpoint does not count
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.001)
    return steps_of(run) if process.returncode == -signal.SIGKILL else None


def same(one: Path, two: Path) -> dict[str, bool]:
    """Which parts of two runs are the same, bit by bit, but for clocks."""
    steps = [checkpoint_steps(run / "checkpoints") for run in (one, two)]
    last, best = steps[0][-1], json.loads((one / "result.json").read_text())["best"]["step"]
    tensors = [
        {name: value.tobytes() for step in {last, best} for name, value in _load(run, step).items()}
        for run in (one, two)
    ]
    found = {"checkpoints kept": steps[0] == steps[1], "tensors of the last and the best": tensors[0] == tensors[1]}
    for name in ("metrics.jsonl", "result.json"):
        found[name] = _without_clocks(one / name) == _without_clocks(two / name)
    samples = [{path.name: path.read_bytes() for path in (run / "samples").glob("*")} for run in (one, two)]
    return {**found, "samples": samples[0] == samples[1]}


def _load(run: Path, step: int) -> dict:
    return load_checkpoint(run / "checkpoints" / f"step-{step:08d}.safetensors").tensors


def _without_clocks(path: Path) -> list[dict]:
    whole = path.read_text()
    parts = whole.splitlines() if path.suffix == ".jsonl" else [whole]
    return [{key: value for key, value in json.loads(part).items() if key not in CLOCK} for part in parts]


def main() -> None:
    rows = []
    for name in ("echo", "char"):
        config, chosen = HERE / f"{name}.yaml", random.Random(name)
        with tempfile.TemporaryDirectory() as folder:
            alone, killed = Path(folder, "alone"), Path(folder, "killed")
            assert start(config, alone).wait() == 0
            total = steps_of(alone)
            wanted = sorted(chosen.sample(range(1, total - 20), KILLS))
            died = [step for step in (kill_at(config, killed, step) for step in wanted) if step is not None]
            assert start(config, killed).wait() == 0
            equal = same(alone, killed)
        rows.append(
            f"| {name} | {total:,} | {len(died)} | {died[0]} to {died[-1]:,} | "
            + " | ".join(map(_word, equal.values()))
        )
        print(name, died, equal, flush=True)
    head = ["run", "steps", "kills", "at steps", *equal]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"{row} |" for row in rows)]
    (HERE / "kill.md").write_text("\n".join(lines) + "\n")


def _word(equal: bool) -> str:
    return "the same" if equal else "DIFFERENT"


if __name__ == "__main__":
    main()
