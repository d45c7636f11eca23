"""Times a symbol in every runtime, alone and in long windows, and how soon each writes its first one.

`python experiments/speed/runtimes.py`, about ten minutes.

Writes every round to runtimes.csv and tables to runtimes.md, both beside this.
"""

import csv
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from turns import Round, Setting, ratio, take_turns, work

HERE = Path(__file__).parent
ROUNDS, STARTS, COUNT, VOCAB = 7, 7, 300, 65
WINDOWS = (100, 5000)  # steps of a call
SIZES = {"2 x 128": [128, 128], "2 x 512": [512, 512]}
NAMES = {
    "graph": "lstmzoo's graph loop (`sample --runtime tensorflow`)",
    "numpy": "NumPy (`--runtime numpy`)",
    "tflite": "TFLite in LiteRT",
    "onnx": "ONNX in onnxruntime",
    "savedmodel": "SavedModel",
    "keras": "Keras file, compiled to a graph",
    "torch": "PyTorch eager at its best (oneDNN off)",
    "torch as it comes": "PyTorch eager as it comes",
}
IN_WINDOWS = ("numpy", "tflite", "onnx", "savedmodel", "keras")
CONFIG = """
task: {{kind: char, text: text.txt}}
model: {{kind: stacked_layers, units: {units}}}
train: {{batch_size: 8, seq_length: 16, steps: 2, optimizer: {{name: adam}}}}
validate: {{every_steps: 0}}
sample: {{every_steps: 0}}
"""


def main() -> None:
    """Make a run of each size, measure, write the tables."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["RUNTIMES_PLACE"] = place
        for size, units in SIZES.items():
            make_run(Path(place), size, units)
        symbols = [Setting(f"{name}: {size}", 1, 1) for size in SIZES for name in NAMES]
        windows = [Setting(f"{name} @ {length}: 2 x 128", 1, 1) for name in IN_WINDOWS for length in WINDOWS]
        steps = take_turns(symbols + windows, ROUNDS)
        starts = {(size, name): [] for size in SIZES for name in ("numpy", "onnx", "tensorflow", "tflite")}
        for _ in range(STARTS):
            for size, name in starts:
                starts[size, name].append(first_character(Path(place) / size, name))
    write(steps, starts)


def make_run(place: Path, size: str, units: list[int]) -> None:
    """A run directory with checkpoints as training leaves them: weights and Adam's slots."""
    symbols = [chr(code) for code in range(32, 32 + VOCAB)]
    text = "".join(np.random.default_rng(0).choice(symbols, 5000)) + "".join(symbols)
    (place / "text.txt").write_text(text)
    (place / f"{size}.yaml").write_text(CONFIG.format(units=units))
    line = [sys.executable, "-m", "lstmzoo.run", f"{size}.yaml", "--run-dir", size]
    subprocess.run(line, cwd=place, check=True, capture_output=True)


def first_character(run: Path, runtime: str) -> tuple[float, float]:
    """Seconds from the start of the process to the first drawn character; its largest resident memory in MB."""
    line = [sys.executable, "-m", "lstmzoo.sample", str(run), "--prompt", "A", "--length", "64", "--runtime", runtime]
    begin = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert len(process.stdout.read(2)) == 2
    seconds = time.perf_counter() - begin
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return seconds, usage.ru_maxrss / 1000


def stepper(name: str, run: str, length: int) -> Callable[[], None]:
    """A call of it computes the logits of so many symbols at batch 1 and carries the state."""
    from lstmzoo.inference.runtimes import open_runner
    from lstmzoo.runs.trained import open_run
    from lstmzoo.system.command_line import start_tensorflow

    if name in ("tflite", "savedmodel", "keras"):
        start_tensorflow(1)
    trained = open_run(run)
    x = np.full((1, length), 3, np.int32)
    if name.startswith("torch"):
        runner, carried = torch_runner(trained, as_it_comes=name != "torch"), [None]
    else:
        runner = open_runner(trained, name)
        carried = [runner.signature.zero_states(1)]

    def step() -> None:
        _, carried[0] = runner(x, carried[0])

    return step


def torch_runner(trained: object, as_it_comes: bool) -> Callable[[object, object], tuple[object, object]]:
    """PyTorch's nn.LSTM with our weights; the one-hot row is looked up, as in the others.

    At batch 1 oneDNN's LSTM, which torch takes where it may, arranges the weights anew for each call.
    """
    import torch

    from lstmzoo.convert.torch import state_dict

    torch.set_num_threads(1)
    torch.backends.mkldnn.set_flags(as_it_comes)
    units = trained.experiment.model.layers
    lstm = torch.nn.LSTM(VOCAB, units[0], len(units), batch_first=True)
    head, rows = torch.nn.Linear(units[-1], VOCAB), torch.eye(VOCAB)
    tensors = {name: torch.tensor(value) for name, value in state_dict(trained.blueprint()).items()}
    for module in (lstm, head):
        own = module.state_dict()
        module.load_state_dict({name: next(v for k, v in tensors.items() if k.endswith(name)) for name in own})

    def run(x: np.ndarray, state: object) -> tuple[object, object]:
        with torch.inference_mode():
            hidden, state = lstm(rows[torch.from_numpy(x).long()], state)
            return head(hidden), state

    return run


def make(name: str, threads: int) -> Round:
    """A round of one program."""
    name, size = name.split(": ")
    name, _, window = name.partition(" @ ")
    length = int(window or 1)
    run = str(Path(os.environ["RUNTIMES_PLACE"]) / size)
    if name == "graph":
        from lstmzoo.inference.choice import Choice
        from lstmzoo.inference.runtimes import sampler_of
        from lstmzoo.runs.trained import open_run
        from lstmzoo.system.command_line import start_tensorflow

        start_tensorflow(threads)
        sampler = sampler_of(open_run(run), "tensorflow", Choice(), 1)
        return lambda: sum(len(piece) for piece in sampler.draw(64 * 20, (0,)))
    step, count = stepper(name, run, length), max(1, COUNT // length)

    def turn() -> int:
        for _ in range(count):
            step()
        return count * length

    return turn


def write(steps: dict[Setting, list[float]], starts: dict[tuple[str, str], list[tuple[float, float]]]) -> None:
    """All rounds as CSV, the medians as tables."""
    with (HERE / "runtimes.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["what", "program", "unit", "rounds"])
        rows.writerows(
            ["step", setting.name, "us", *(f"{1000 * ms:.5g}" for ms in each)] for setting, each in steps.items()
        )
        for (size, name), each in starts.items():
            rows.writerow(["first character", f"{name}: {size}", "s", *(f"{seconds:.3f}" for seconds, _ in each)])
            rows.writerow(["memory", f"{name}: {size}", "MB", *(f"{memory:.1f}" for _, memory in each)])
    lines = [*step_table(steps), "", *window_table(steps), "", *start_table(starts), ""]
    how = (
        f"Python {platform.python_version()}, {platform.machine()}; medians of {ROUNDS} and {STARTS} interleaved rounds"
    )
    (HERE / "runtimes.md").write_text("\n".join([*lines, how, ""]))
    print("\n".join(lines))


def step_table(steps: dict[Setting, list[float]]) -> list[str]:
    """Microseconds a symbol, and how many times longer PyTorch takes."""
    found = {setting.name: each for setting, each in steps.items()}
    heads = [head for size in SIZES for head in (f"{size}, us a symbol", "PyTorch takes")]
    lines = [f"| one core, batch 1 | {' | '.join(heads)} |", "|" + "---|" * (1 + len(heads))]
    for name, words in NAMES.items():
        cells = []
        for size in SIZES:
            ours, theirs = found[f"{name}: {size}"], found[f"torch: {size}"]
            cells += [f"{1000 * statistics.median(ours):.1f}", f"{ratio(theirs, ours):.2g} x"]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return lines


def window_table(steps: dict[Setting, list[float]]) -> list[str]:
    """Microseconds a symbol in windows."""
    found = {setting.name: each for setting, each in steps.items()}
    heads = [f"in windows of {length:,}, us a symbol" for length in WINDOWS]
    lines = [f"| 2 x 128 | {' | '.join(heads)} |", "|" + "---|" * (1 + len(heads))]
    for name in IN_WINDOWS:
        cells = [f"{1000 * statistics.median(found[f'{name} @ {length}: 2 x 128']):.1f}" for length in WINDOWS]
        lines.append(f"| {NAMES[name]} | {' | '.join(cells)} |")
    return lines


def start_table(starts: dict[tuple[str, str], list[tuple[float, float]]]) -> list[str]:
    """Seconds from the start of the process to its first character, and its largest memory."""
    heads = [head for size in SIZES for head in (f"{size}, first character after", "memory")]
    lines = [f"| `sample --runtime` | {' | '.join(heads)} |", "|" + "---|" * (1 + len(heads))]
    for name in dict.fromkeys(name for _, name in starts):
        cells = []
        for size in SIZES:
            seconds, memory = (statistics.median(values) for values in zip(*starts[size, name], strict=True))
            cells += [f"{seconds:.2f} s", f"{memory:.0f} MB"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(make, sys.argv[2], int(sys.argv[3]))
    else:
        main()
