"""Resident memory of one long run: 20,000 steps, 200 validations, a million sampled characters, all in one process."""

import os
import tempfile
from pathlib import Path

import lstmzoo
from lstmzoo.training.progress import Moment, SilentProgress

HERE = Path(__file__).parent
STEPS, EVERY, LENGTH = 20_000, 100, 5_000
SETS = (
    *(f"train.steps={STEPS}", f"validate.every_steps={EVERY}", f"checkpoint.every_steps={EVERY}"),
    f"sample={{every_steps: {EVERY}, length: {LENGTH}}}",
)


class Watch(SilentProgress):
    """Megabytes at each tenth of the run."""

    def __init__(self) -> None:
        self.found: dict[int, float] = {}

    def show(self, moment: Moment) -> None:
        tenth = 10 * moment.step // STEPS
        if tenth and tenth not in self.found:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.found[tenth] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    watch = Watch()
    config = lstmzoo.load_config(HERE / "char.yaml", SETS)
    with tempfile.TemporaryDirectory() as folder:
        lstmzoo.train_run(config, Path(folder, "run"), progress=watch)
    rows = [
        f"| {tenth * STEPS // 10:,} | {tenth * STEPS // 10 // EVERY} | {tenth * STEPS // 10 // EVERY * LENGTH:,} "
        f"| {size:,.1f} | {100 * (size / watch.found[1] - 1):+.2f} % |"
        for tenth, size in watch.found.items()
    ]
    head = (
        "| steps | validations | sampled characters | resident, MB | against the first tenth |\n|---|---|---|---|---|"
    )
    (HERE / "memory.md").write_text("\n".join([head, *rows]) + "\n")
    print((HERE / "memory.md").read_text())


if __name__ == "__main__":
    main()
