"""Where the kernel `native` pays: `python experiments/speed/native.py`; writes native.md beside this, in three minutes.

`--plan` names it for the nets that it trains about twice as fast or more (`NATIVE_UNITS` of `execution/auto.py`).
"""

import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from char_peers import tensorflow
from turns import ratio

HERE = Path(__file__).parent
ROUNDS, KERNELS, WORK = 9, ("xla", "native"), 20_000  # rows, in all lanes, of a round at least
Train = Callable[[], object]


class Case(NamedTuple):
    """L layers of H units, B lanes, T steps; D columns of numbers, or with `symbols` so many one-hot symbols."""

    depth: int
    units: int
    batch_size: int
    seq_length: int
    width: int = 1
    symbols: bool = False

    @property
    def windows(self) -> int:
        """Windows of a round, K."""
        return -(-WORK // (self.batch_size * self.seq_length))


SHAPES = ((1, 168), (4, 32), (16, 128), (64, 128))  # B and T
CASES = [
    *(Case(depth, units, *shape) for depth, units in ((1, 8), (1, 16), (1, 24), (2, 24), (1, 32)) for shape in SHAPES),
    *(Case(1, units, 16, 128, 20) for units in (16, 24)),
    *(Case(1, units, 16, 128) for units in (48, 64, 96)),
    *(Case(1, units, 32, 64, 96, True) for units in (16, 32, 64)),
]


def main() -> None:
    """Both kernels of each case take turns in this process, on one thread."""
    tensorflow(1)
    lines = ["| net | B | T | inputs | xla, ms | native, ms | faster by |", "|---" * 7 + "|"]
    for case in CASES:
        times = interleaved({kernel: training(case, kernel) for kernel in KERNELS}, case.windows)
        inputs = f"{case.width} {'symbols' if case.symbols else 'columns' if case.width > 1 else 'column'}"
        xla, native = (f"{statistics.median(times[kernel]):.3g}" for kernel in KERNELS)
        cells = (f"{case.depth} x {case.units}", case.batch_size, case.seq_length, inputs, xla, native)
        lines.append(f"| {' | '.join(map(str, cells))} | {ratio(times['xla'], times['native']):.1f} |")
        print(lines[-1], flush=True)
    how = f"CPU time a step, medians of {ROUNDS} interleaved rounds on one thread; Python {platform.python_version()}"
    (HERE / "native.md").write_text("\n".join([*lines, "", how, ""]))


def interleaved(trainings: dict[str, Train], windows: int) -> dict[str, list[float]]:
    """Milliseconds of the CPU a step, of each round."""
    times: dict[str, list[float]] = {kernel: [] for kernel in trainings}
    for kernel in [*trainings] * (ROUNDS + 1):  # the first round compiles
        begin = time.process_time()
        trainings[kernel]()
        times[kernel].append(1000 * (time.process_time() - begin) / windows)
    return {kernel: found[1:] for kernel, found in times.items()}


def training(case: Case, kernel: str) -> Train:
    """Training on K windows."""
    import tf_keras as keras

    import lstmzoo
    from lstmzoo.execution.engine import Execution

    shape, draws = (case.windows, case.batch_size, case.seq_length), np.random.default_rng(0)
    if case.symbols:
        sizes, loss = {"vocab_size": case.width, "encoding": "one_hot"}, "cross_entropy"
        x = y = draws.integers(0, case.width, shape)
    else:
        sizes, loss = {"encoding": "features", "input_dim": case.width, "outputs": 1}, "mse"
        x = draws.normal(size=(*shape, case.width)).astype(np.float32)
        y = x[..., :1]
    model = lstmzoo.build_model(
        {"units": case.units, "depth": case.depth, "kind": "stacked_layers"}, batch_size=case.batch_size, **sizes
    )
    execution = Execution(model, keras.optimizers.Adam(1e-3), kernel, shards=1, loss=loss)
    return lambda: execution.train(x, y)


if __name__ == "__main__":
    main()
