"""A file system that fills up at ten different moments of a run: is anything earlier lost, and is the end the same?

Needs the right to mount a tmpfs (root on Linux): `sudo python experiments/faults/disk.py`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from kill import same, start

from lstmzoo.runs.checkpoint import checkpoint_steps, whole_checkpoints

HERE = Path(__file__).parent
SIZES = (8, 300, 700, 1000, 1400, 1700, 1900, 2050, 2150, 2200)  # kilobytes


def resized(place: Path, kilobytes: int) -> None:
    """Make room, or take it away."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(place)], check=True)


def main() -> None:
    config = HERE / "char.yaml"
    with tempfile.TemporaryDirectory() as folder:
        alone, place = Path(folder, "alone"), Path(folder, "small")
        assert start(config, alone).wait() == 0
        place.mkdir()
        rows = [row(config, alone, place, size) for size in SIZES]
    head = "| file system, kB | exit status | checkpoints then | after room was made |\n|---|---|---|---|"
    (HERE / "disk.md").write_text("\n".join([head, *rows]) + "\n")
    print((HERE / "disk.md").read_text())


def row(config: Path, alone: Path, place: Path, size: int) -> str:
    """One file system of that size, and what became of the run on it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)], check=True)
    try:
        run = place / "run"
        line = [sys.executable, "-m", "lstmzoo.run", str(config), "--run-dir", str(run), "--resume"]
        done = subprocess.run(line, capture_output=True, text=True)
        print(size, done.stderr.splitlines()[-1], flush=True)
        assert "Traceback" not in done.stderr
        damaged: list[str] = []
        steps = checkpoint_steps(run / "checkpoints")
        whole = [step for step, _ in whole_checkpoints(run / "checkpoints", damaged)]
        assert sorted(whole) == steps and not damaged
        resized(place, 100_000)
        assert start(config, run).wait() == 0
        end = "the same" if all(same(alone, run).values()) else "DIFFERENT"
        return f"| {size} | {done.returncode} | {', '.join(f'{step:,}' for step in steps) or 'none'} | {end} |"
    finally:
        subprocess.run(["umount", str(place)], check=True)


if __name__ == "__main__":
    main()
