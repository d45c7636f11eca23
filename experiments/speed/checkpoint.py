"""What checkpoints cost a run of 2 x 512 (B 64, T 100, Adam, 65 symbols) at the default cadence of 500 steps."""

import statistics
import tempfile
import time
from pathlib import Path

import lstmzoo
from lstmzoo.training.checkpointer import Checkpointer

HERE, EVERY, STEPS = Path(__file__).parent, 4, 40
CONFIG = """\
task: {kind: char, text: text.txt}
model: {kind: stacked_layers, units: 512, depth: 2}
train: {batch_size: 64, seq_length: 100, optimizer: {name: adam, learning_rate: 0.001}}
validate: {every_steps: 0}
sample: {every_steps: 0}
"""


def main() -> None:
    saved: list[float] = []
    real = Checkpointer.save

    def timed(self: Checkpointer, pending: bool = False) -> None:
        start = time.perf_counter()
        real(self, pending)
        saved.append(time.perf_counter() - start)

    Checkpointer.save = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory(dir=HERE) as folder:  # on a disk, not in memory
        Path(folder, "text.txt").write_text("".join(chr(33 + 7 * k % 65) for k in range(400_000)))
        Path(folder, "run.yaml").write_text(CONFIG)
        sets = [f"train.steps={STEPS}", f"checkpoint.every_steps={EVERY}"]
        found = lstmzoo.train_run(lstmzoo.load_config(Path(folder, "run.yaml"), sets), Path(folder, "run"))
        size = max(path.stat().st_size for path in Path(folder, "run", "checkpoints").iterdir())
    step, save = found["train_seconds"] / STEPS, statistics.median(saved)
    least, most = min(saved), max(saved)
    times = f"{1000 * save:.0f} ms ({1000 * least:.0f} to {1000 * most:.0f})"
    text = f"""\
| | |
|---|---|
| a step, mean of {STEPS} | {1000 * step:.0f} ms |
| a checkpoint of {size / 1e6:.0f} MB, median of {len(saved)} | {times} |
| cost at one in 500 steps | {100 * save / (500 * step):.2f} % of training |
| cost at one in 500 steps, the slowest of them | {100 * most / (500 * step):.2f} % |
"""
    (HERE / "checkpoint.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
