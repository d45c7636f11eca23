"""Does memory stay constant over a million sampled characters? `python experiments/speed/long_sample.py`

Trains char_2x128 for a moment, lets `lstmzoo.sample` write a million characters, and reads the process's memory on the
way. Writes long_sample.md beside this.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
LENGTH, EVERY = 1_000_000, 100_000
TRAIN = ["model=char_2x128", "train.time_budget=20s", "sample.every_steps=0"]


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def main() -> None:
    """Train, sample, watch, write the table."""
    config = HERE.parent.parent / "configs" / "char.yaml"
    with tempfile.TemporaryDirectory() as place:
        sets = [word for override in TRAIN for word in ("--set", override)]
        run = [sys.executable, "-m", "lstmzoo.run", str(config), "--run-dir", f"{place}/run", *sets]
        subprocess.run(run, check=True)
        line = [sys.executable, "-m", "lstmzoo.sample", f"{place}/run", "--length", str(LENGTH)]
        process = subprocess.Popen(line, stdout=subprocess.PIPE)
        assert process.stdout is not None
        rows, read, start = [], len(process.stdout.read(1)), time.perf_counter()
        while read < LENGTH:
            read += len(process.stdout.read(min(EVERY - read % EVERY, LENGTH - read)))
            if read < LENGTH:
                rows.append((read, megabytes(process.pid)))
        seconds = time.perf_counter() - start
        assert process.wait() == 0
    lines = ["| characters | memory, MB |", "|---|---|", *(f"| {read:,} | {memory:.1f} |" for read, memory in rows)]
    lines += ["", f"{LENGTH / seconds:,.0f} characters a second, from the first one on, through a pipe.", ""]
    (HERE / "long_sample.md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
