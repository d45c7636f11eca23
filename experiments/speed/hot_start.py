"""Times the next probabilities after a history of 100,000 characters: read again, or gone on from its state file.

`python experiments/speed/hot_start.py`, about ten minutes. Writes hot_start.md beside this.

Each is a process of its own on one core, and its seconds are those of a processor since it started, which other
programs on a machine do not change. "Inside" leaves out what is done once: imports, opening the model.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from auto import text

HERE = Path(__file__).parent
ROUNDS, LENGTH, MODEL = 5, 100_000, "zoo:char_python"
RUNTIMES = {
    "NumPy": "numpy",
    "C": "char.h",
    "ONNX Runtime": "char.onnx",
    "LiteRT": "char.tflite",
    "TensorFlow": "tensorflow",
}
PROGRAM = """
import json, sys, time
import lstmzoo

source, runtime, given, state = sys.argv[1:]
given = open(given).read()

def answer():
    stream = lstmzoo.stream(source, runtime=runtime, state=state or None)
    opened = time.process_time()
    return opened, stream.run(given, logits=True)[-1].max()

opened, logit = answer()
whole = time.process_time()
if state:
    answer()
print(json.dumps([whole, time.process_time() - whole if state else whole - opened, float(logit)]))
"""


def main() -> None:
    """Export the model, read the history once for its state, measure in turns, write the table."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for file in [each for each in RUNTIMES.values() if "." in each]:
            subprocess.run([sys.executable, "-m", "lstmzoo.export", MODEL, place / file], check=True)
        whole = Path(text(name, LENGTH)).read_text()
        for file, part in (("history", whole), ("all but one", whole[:-1]), ("last", whole[-1])):
            (place / file).write_text(part)
        save_state(place)
        cases = {"start": ("last", ""), "history": ("history", ""), "state": ("last", "state")}
        found = {(runtime, case): [] for runtime in RUNTIMES for case in cases}
        for number in range(1 + ROUNDS):  # the first one compiles
            for runtime, case in found:
                seconds = answer(place, RUNTIMES[runtime], *cases[case])
                found[runtime, case] += [seconds] * bool(number)
                print(number, runtime, case, *seconds, flush=True)
        write(found, {name: size(place, file) for name, file in RUNTIMES.items()}, size(place, "state"))


def save_state(place: Path) -> None:
    """Save the state after all symbols of the history but the last one."""
    import lstmzoo

    stream = lstmzoo.stream(MODEL)
    stream.run((place / "all but one").read_text(), logits=True)
    stream.save(place / "state")


def answer(place: Path, runtime: str, given: str, state: str) -> list[float]:
    """Return the seconds of a process, those inside, and the largest logit."""
    source = (place / runtime, "auto") if "." in runtime else (MODEL, runtime)
    line = [sys.executable, "-c", PROGRAM, *source, place / given, place / state if state else ""]
    core = {min(os.sched_getaffinity(0))}
    done = subprocess.run(
        [*map(str, line)], check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, core)
    )
    return json.loads(done.stdout)


def size(place: Path, name: str) -> int | None:
    """Return the bytes of a file; None if there is none."""
    return (place / name).stat().st_size if (place / name).exists() else None


def write(found: dict[tuple[str, str], list[list[float]]], sizes: dict[str, int | None], state: int) -> None:
    """Write medians as a table, after a look at whether all say the same."""
    logits = [logit for (_, case), rounds in found.items() if case != "start" for *_, logit in rounds]
    assert max(logits) - min(logits) < 1e-4, logits
    heads = ["file, kB", "first probabilities, s", "after reading, s", "from the state, s", "inside: reading, s"]
    lines = [f"| {LENGTH:,} characters | {' | '.join(heads)} | from the state, s |", "|" + "---|" * 7]
    for runtime, kb in sizes.items():
        median = {
            case: [*map(statistics.median, zip(*found[runtime, case], strict=True))]
            for case in ("start", "history", "state")
        }
        cells = ["" if kb is None else f"{kb / 1000:,.0f}", *(f"{median[case][0]:.2f}" for case in median)]
        cells += [f"{median['history'][1]:.2f}", f"{median['state'][1]:.3f}"]
        lines.append(f"| {runtime} | {' | '.join(cells)} |")
    how = (
        f"`{MODEL}`, Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} interleaved rounds, "
        f"one core. The state file has {state:,} bytes."
    )
    (HERE / "hot_start.md").write_text("\n".join([*lines, "", how, ""]))
    print("\n".join([*lines, "", how]))


if __name__ == "__main__":
    main()
