"""Times a step of the C header at batch 1, beside the prototype that it came from and beside all other runtimes.

`python experiments/speed/c.py`, about twenty minutes (most of it compiling 2 x 512); it needs gcc, clang and PyTorch.

Writes every round to c.csv and tables to c.md, both beside this.
"""

import csv
import ctypes
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import runtimes
from turns import Round, Setting, take_turns, work

HERE = Path(__file__).parent
ROUNDS, STARTS = 15, 15
SIZES = {"16": [16], "32": [32], "64": [64], "2 x 128": [128, 128], "2 x 512": [512, 512]}
OPTIONS = {"-O2": ["-O2"], "-O3": ["-O3"], "native": ["-O3", "-march=native", "-ffp-contract=fast"]}
MADE = ("C float32", "C int8", "prototype", "prototype int8")
CLANG = ("C float32, clang", "C int8, clang")
OTHERS = {
    "graph": "our graph loop",
    "numpy": "NumPy",
    "onnx": "ONNX Runtime",
    "tflite": "TFLite",
    "torch": "PyTorch eager",
}
PROGRAM = """
#include <stdio.h>
#include "model.h"
int main(void)
{
    static struct model_state state;
    float logits[model_OUTPUTS];
    model_step(&state, 3, logits);
    printf("%d", model_sample(logits, 1.0, 0.5));
    return 0;
}
"""


def main() -> None:
    """Make runs and libraries, measure size by size, write the tables."""
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        os.environ["RUNTIMES_PLACE"] = place
        for size, units in SIZES.items():
            runtimes.make_run(Path(place), size, units)
            libraries(Path(place), size, units)
            names = [f"{name} {option}" for option in OPTIONS for name in MADE + CLANG] + list(OTHERS)
            rounds = take_turns([Setting(f"{name}: {size}", 1, 1) for name in names], ROUNDS)
            found[size] = {setting.name.split(":")[0]: [1000 * ms for ms in each] for setting, each in rounds.items()}
            print(size, {name: round(min(each), 2) for name, each in found[size].items()}, flush=True)
        starts = first_character(Path(place))
        errors = [
            ctypes.CDLL(str(library_of(place, "2 x 128", name))) for name in ("prototype -O2", "prototype native")
        ]
        for library in errors:
            library.error.restype = ctypes.c_double
        write(found, starts, max(library.error() for library in errors))


def library_of(place: str, size: str, name: str) -> Path:
    """The place of a compiled program."""
    return Path(place) / f"{size} {name}.so"


def libraries(place: Path, size: str, units: list[int]) -> None:
    """Write the headers of a run, and compile them and the prototype with each set of options."""
    from lstmzoo.export.formats.c import C
    from lstmzoo.export.formats.c_runner import GLUE
    from lstmzoo.export.notes import Notes
    from lstmzoo.runs.trained import open_run

    glue = GLUE.format(path="model.h", name="model", kind="int", given="*inputs")
    trained = open_run(place / size)
    for name, writer in (("C float32", C.write), ("C int8", C.int8.write)):
        writer(trained.blueprint(), Notes(trained.symbols, ""), place / "model.h")
        for option, flags in OPTIONS.items():
            for compiler, program in (("gcc", name), ("clang", f"{name}, clang")):
                library = library_of(str(place), size, f"{program} {option}")
                build(place, library, glue, [*flags, "-shared", "-fPIC"], compiler)
        if (size, name) == ("2 x 128", "C float32"):
            build(place, place / "start", PROGRAM, ["-O2"])
    source = (HERE / "c_prototype.c").read_text()
    sizes = [f"-DH={units[0]}", f"-DL={len(units)}"]
    for option, flags in OPTIONS.items():
        for name, more in (("prototype", []), ("prototype int8", ["-DINT8"])):
            library = library_of(str(place), size, f"{name} {option}")
            build(place, library, source, [*flags, *sizes, *more, "-shared", "-fPIC"])


def build(place: Path, out: Path, source: str, flags: list[str], compiler: str = "gcc") -> None:
    """Compile a source."""
    line = [compiler, "-std=c99", *flags, "-x", "c", "-", "-o", str(out), "-lm"]
    subprocess.run(line, input=source.encode(), cwd=place, check=True)


def first_character(place: Path) -> list[float]:
    """Milliseconds from the start of a process in C (2 x 128) to its first character."""
    found = []
    for _ in range(STARTS):
        begin = time.perf_counter()
        with subprocess.Popen([place / "start"], stdout=subprocess.PIPE) as process:
            assert process.stdout.read(1)
            found.append(1000 * (time.perf_counter() - begin))
    return found


def make(name: str, threads: int) -> Round:
    """A round of one program."""
    name, size = name.split(": ")
    if name in OTHERS:
        return runtimes.make(f"{name}: {size}", threads)
    library = ctypes.CDLL(str(library_of(os.environ["RUNTIMES_PLACE"], size, name)))
    if name.startswith("prototype"):
        library.fill()
    count = min(2000, 40_000_000 // sum(8 * units**2 for units in SIZES[size]))
    symbols = (np.arange(count) % runtimes.VOCAB).astype(np.intc)
    logits, state = np.zeros((count, runtimes.VOCAB), np.float32), np.zeros(4096, np.float32)
    given = [part.ctypes.data_as(ctypes.c_void_p) for part in (state, symbols, logits)]

    def turn() -> int:
        library.steps(given[0], given[1], ctypes.c_long(1), ctypes.c_long(count), given[2])
        return count

    return turn


def write(found: dict[str, dict[str, list[float]]], starts: list[float], error: float) -> None:
    """All rounds as CSV, the least of each as tables."""
    with (HERE / "c.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["size", "program", "microseconds a step, of each round"])
        for size, programs in found.items():
            rows.writerows([size, name, *(f"{us:.4g}" for us in each)] for name, each in programs.items())
        rows.writerow(["2 x 128", "ms to the first character", *(f"{ms:.3g}" for ms in starts)])
    lines = [f"| us a step | {' | '.join(found)} |", "|" + "---|" * (1 + len(found))]
    for name in next(iter(found.values())):
        least = [min(programs[name]) for programs in found.values()]
        cells = [f"{us:.0f}" if us >= 1000 else f"{us:.3g}" for us in least]
        lines.append(f"| {OTHERS.get(name, name.replace('native', '-O3 -march=native'))} | {' | '.join(cells)} |")
    gcc, clang = (
        subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True).stdout.strip()
        for compiler in ("gcc", "clang")
    )
    how = (
        f"gcc {gcc}, clang {clang}, Python {platform.python_version()}, {platform.machine()}; one core, batch 1, the "
        f"least of {ROUNDS} interleaved rounds. The prototype's sigmoid and tanh err by {error:.1e} at most. "
        f"From the start of a process in C to its first character (2 x 128): {min(starts):.1f} ms."
    )
    (HERE / "c.md").write_text("\n".join([*lines, "", how, ""]))
    print("\n".join([*lines, how]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(make, sys.argv[2], int(sys.argv[3]))
    else:
        main()
