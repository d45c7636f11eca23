"""How long a search takes: 40 echo trials of a second of training on one worker and on two; memory over 200 trials."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

HERE = Path(__file__).parent
ECHO = HERE.parent.parent / "configs" / "echo.yaml"
RATE = {"min": 0.03, "max": 1.0, "sampling": "log"}
SPACE = {"model.units": {"min": 2, "max": 8}, "train.optimizer.learning_rate": RATE}
TRIALS, MANY = 40, 200


def main() -> None:
    """Measure, and write sweep.md beside this."""
    with tempfile.TemporaryDirectory() as place:
        lines = [*_times(Path(place)), "", *_memory(Path(place))]
    text = "\n".join(["# Sweeps", "", "`python experiments/speed/sweep.py`", "", *lines, ""])
    (HERE / "sweep.md").write_text(text)
    print(text)


def _times(place: Path) -> list[str]:
    sweep = _sweep(place / "times.yaml", {**SPACE, "train.epochs": 25}, TRIALS)
    seconds = {workers: _searched(sweep, place / f"times-{workers}", workers) for workers in (1, 2)}
    train = [
        yaml.safe_load(path.read_text())["train_seconds"] for path in (place / "times-1").glob("trial-*/result.json")
    ]
    return [
        f"{TRIALS} trials of {sum(train) / len(train):.2f} s of training on average, {os.cpu_count()} cores, from the "
        "start of the command to its end:",
        "",
        *[f"- {workers} worker{'s' if workers > 1 else ''}: {seconds[workers]:.1f} s" for workers in (1, 2)],
        f"- 2 workers take {seconds[2] / seconds[1]:.2f} of the time of 1",
    ]


def _memory(place: Path) -> list[str]:
    space = {
        **SPACE,
        "train.steps": 30,
        "execution.kernel": "scan",
        "task.series_length": 2000,
        "validate.fraction": 0.5,
    }
    sweep = _sweep(place / "memory.yaml", space, MANY)
    seen: list[tuple[int, dict[str, float]]] = []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(_command(sweep, place / "memory", 2), start_new_session=True, **quiet)
    while process.poll() is None:
        time.sleep(1)
        done = len(list((place / "memory").glob("trial-*/result.json")))
        seen.append((done, dict(_resident(process.pid))))
    lines = [
        f"Resident memory (MB) over {MANY} trials on two workers:",
        "",
        "| trials done | command | chief | worker |",
    ]
    lines.append("|---|---|---|---|")
    for wanted in (10, 50, 100, 150, MANY - 5):
        done, parts = next((each for each in seen if each[0] >= wanted and len(each[1]) >= 3), seen[-1])
        cells = " | ".join(f"{parts.get(name, 0):.1f}" for name in ("command", "lstmzoo chief", "lstmzoo worker"))
        lines.append(f"| {done} | {cells} |")
    return lines


def _resident(command: int) -> Iterator[tuple[str, float]]:
    """Megabytes of the command and of those of its processes that last."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            group = int((path / "stat").read_text().rpartition(")")[2].split()[2])
            name = "command" if int(path.name) == command else (path / "comm").read_text().strip()
            if group == os.getpgid(command) and name in ("command", "lstmzoo chief", "lstmzoo worker"):
                rss = next(line for line in (path / "status").read_text().splitlines() if line.startswith("VmRSS"))
                yield name, int(rss.split()[1]) / 1000
        except (OSError, StopIteration):
            continue


def _sweep(path: Path, space: dict[str, object], trials: int) -> Path:
    sweep = {"base": str(ECHO), "space": space, "search": {"kind": "random", "trials": trials}}
    path.write_text(yaml.safe_dump(sweep, sort_keys=False))
    return path


def _searched(sweep: Path, directory: Path, workers: int) -> float:
    """Seconds from start to end, in a directory of its own."""
    shutil.rmtree(directory, ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(_command(sweep, directory, workers), check=True, capture_output=True)
    return time.perf_counter() - start


def _command(sweep: Path, directory: Path, workers: int) -> list[str]:
    return [sys.executable, "-m", "lstmzoo.sweep", str(sweep), "--dir", str(directory), "--workers", str(workers)]


if __name__ == "__main__":
    main()
