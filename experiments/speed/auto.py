"""Where TensorFlow overtakes NumPy, its import counted: `python experiments/speed/auto.py`; writes auto.md beside this.

`--runtime auto` of `sample` and `score` goes by these numbers.
"""

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS, RUNTIMES = 3, ("numpy", "tensorflow")
SCORED = (25_000, 50_000, 100_000)  # symbols of a text, each of which is read twice
DRAWN = ((1, 100_000), (10, 10_000), (100, 1_000))  # texts, symbols of each


def main() -> None:
    """Run the commands in turn, write the table."""
    with tempfile.TemporaryDirectory() as place:
        cases = {f"score {size:,} symbols": ["score", "zoo:char_python", text(place, size)] for size in SCORED}
        for samples, length in DRAWN:
            words = ["sample", "zoo:char_python", "--samples", str(samples), "--length", str(length)]
            cases[f"sample {samples} x {length:,} symbols"] = words
        found = {(case, runtime): [] for case in cases for runtime in RUNTIMES}
        for _ in range(ROUNDS):
            for case, runtime in found:
                found[case, runtime].append(seconds([*cases[case], "--runtime", runtime]))
    lines = [f"| command | {' | '.join(f'{runtime}, s' for runtime in RUNTIMES)} |", "|---|---|---|"]
    for case in cases:
        lines.append(f"| {case} | {' | '.join(f'{statistics.median(found[case, each]):.1f}' for each in RUNTIMES)} |")
    how = f"Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} interleaved rounds"
    (HERE / "auto.md").write_text("\n".join([*lines, "", how, ""]))
    print("\n".join(lines))


def text(place: str, size: int) -> str:
    """A file of so many characters of Python."""
    path, content = Path(place) / f"{size}.txt", Path(statistics.__file__).read_text(encoding="ascii", errors="ignore")
    path.write_text((content * (1 + size // len(content)))[:size])
    return str(path)


def seconds(words: list[str]) -> float:
    """Of a whole command."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "lstmzoo", *words], check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
