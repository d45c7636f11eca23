"""The self-test: in ten seconds it shows whether lstmzoo computes correctly here, with the echo task's known best loss.

`python -m lstmzoo.doctor.self_test` prints one JSON object a line, as each check ends. `doctor` starts it in its own
process, since a broken TensorFlow can end a process without a message.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstmzoo.config.find import SUFFIX, configs_folder
from lstmzoo.doctor.checks import NEW_INSTALL, Check, guarded, verdict
from lstmzoo.doctor.host import execution
from lstmzoo.execution.auto import fastest_kernel
from lstmzoo.system.machine import UNSEEN, explain_device

CONFIG = "echo"
SOLVED = 0.999  # val_accuracy: chance is 0.5
NEAR = 0.01  # nats a symbol above the loss floor
STEPS = 20  # on which two kernels are compared
TOLERANCE = 2e-5  # nats a symbol, between two kernels in float32
OF_NUMBERS, VOLTS = "zoo:clipper", 2e-6  # a trained model, and how far apart its outputs may be in float32
Losses = list[float]

REINSTALL = "python -m pip install --force-reinstall tensorflow tf-keras"
WITH_CUDA = "python -m pip install 'tensorflow[and-cuda]'"
REPORT = "these numbers are wrong: please report them, with this whole output"
HIDE = "try again with CUDA_VISIBLE_DEVICES=-1; if that works, the GPU's driver does not fit TensorFlow"


def self_test() -> Iterator[Check]:
    """Yield the checks one after another; a failed import ends them, since the others need it."""
    for line in guarded("imports", _imports, REINSTALL):
        yield line
        if line.ok is False:
            return
    device = explain_device()[0]
    yield from guarded("execution", lambda: execution(device), NEW_INSTALL)
    yield from guarded("echo", lambda: _computed(device), HIDE if device == "gpu" else NEW_INSTALL)
    yield from guarded("numbers", _numbers, NEW_INSTALL)


def _imports() -> Iterator[Check]:
    from lstmzoo.system.command_line import start_tensorflow

    start = time.perf_counter()
    start_tensorflow(1)
    import tensorflow as tf
    import tf_keras as keras

    seconds = time.perf_counter() - start
    two = keras.__version__.startswith("2.")
    text = f"tensorflow {tf.__version__} and tf_keras {keras.__version__} in {seconds:.1f} s"
    yield verdict("imports", text, two, "python -m pip install --force-reinstall tf-keras")
    device, why = explain_device()
    yield Check("device", f"{device}: {why}", None, WITH_CUDA if why == UNSEEN else "")


def _computed(device: str) -> Iterator[Check]:
    with tempfile.TemporaryDirectory() as folder:
        result, losses = _run(Path(folder) / "run")
    yield _learnt(result)
    yield _near_its_floor(result)
    kernel = fastest_kernel(device)
    again = _first_losses(kernel, None)
    yield _repeated(losses, again, device)
    yield _agreed(kernel, again)


def _experiment(*overrides: str) -> Any:
    """Load the package's own config, even if the current folder has a file of that name."""
    from lstmzoo.config.load import load_config

    return load_config(configs_folder() / f"{CONFIG}{SUFFIX}", overrides)


def _run(directory: Path) -> tuple[dict[str, Any], Losses]:
    """Train the config in a run directory; return its result, and the loss of every step."""
    from lstmzoo.runs.directory import RunDirectory
    from lstmzoo.training.run import train_run

    result = train_run(_experiment(), directory)
    losses: Losses = []
    RunDirectory(directory).metrics.read_whole(lambda line: losses.append(line["train_loss"]))
    return result, losses


def _learnt(result: dict[str, Any]) -> Check:
    final, accuracy = result["final"], result["final"]["val_accuracy"]
    text = f"val_accuracy {accuracy:.6g} of 1, val_loss {final['val_loss']:.3g}"
    speed = f"{result['steps']:,} steps in {result['train_seconds']:.2f} s"
    return verdict("echo", f"{text} ({speed})", accuracy >= SOLVED, REPORT)


def _near_its_floor(result: dict[str, Any]) -> Check:
    """Check an epoch's loss: it cannot be below the floor, and it is far above if the state is not carried."""
    loss, floor = result["final"]["epoch_train_loss"], result["loss_floor"]
    floors = f"floor {floor:.3g} with its state carried, {_floor_without_state():.3g} without"
    text = f"an epoch's train_loss {loss:.3g} nats a symbol, {floors}"
    return verdict("loss floor", text, floor <= loss <= floor + NEAR, REPORT)


def _floor_without_state() -> float:
    """Return the least possible loss of the same task if each window starts from zero state, in nats a symbol."""
    from lstmzoo.config.plan import make_plan

    return make_plan(_experiment("train.reset_state=window"), "cpu").loss_floor or 0.0


def _repeated(losses: Losses, again: Losses, device: str) -> Check:
    """Compare the run's first epoch with the same epoch of a new model from the same seed, trained in other calls."""
    equal = sum(a == b for a, b in zip(again, losses, strict=False))
    text = f"{equal} of {len(again)} losses are the same, bit for bit"
    if device == "gpu":  # promised on a CPU only
        return Check("same seed", text)
    return verdict("same seed", text, equal == len(again), REPORT)


def _agreed(kernel: str, losses: Losses) -> Check:
    """Compare the chosen kernel with Keras's own layers (or, if these are chosen, with the scan)."""
    other = "scan" if kernel == "keras" else "keras"
    apart = [abs(a - b) for a, b in zip(losses, _first_losses(other, STEPS), strict=False)]
    text = f"{len(apart)} losses within {max(apart):.1g} nats"
    return verdict(f"{kernel} = {other}", text, all(each <= TOLERANCE for each in apart), REPORT)  # NaN is not


def _numbers() -> Iterator[Check]:
    """Compare a trained model of numbers in NumPy with the execution's own time steps, on the processor."""
    import numpy as np
    import tensorflow as tf

    from lstmzoo.execution.network import Network
    from lstmzoo.inference.predicting import predict_series, series_of
    from lstmzoo.models.anatomy import dissect
    from lstmzoo.runs.trained import open_run

    volts, trained = np.sin(np.arange(64) / 3)[:, None], open_run(OF_NUMBERS)
    _, scaling = series_of(trained)
    with tf.device("/CPU:0"):
        network = Network(dissect(trained.model(1)), "scan")
        outputs, _ = network(tf.constant(scaling.scale_inputs(volts, volts)[:, None]), network.zero(1))
    found = scaling.unscale_targets(outputs.numpy()[:, 0])
    apart = float(np.abs(found - predict_series(OF_NUMBERS, volts, runtime="numpy")).max())
    text = f"{OF_NUMBERS}, {len(volts)} rows in TensorFlow and in NumPy within {apart:.1g} V"
    yield verdict("numbers", text, apart <= VOLTS, REPORT)


def _first_losses(kernel: str, steps: int | None) -> Losses:
    """Return the losses of the config's first epoch, or of so many steps of it, from `train_windows`."""
    from lstmzoo.config.optimizers import make_optimizer
    from lstmzoo.config.plan import make_plan
    from lstmzoo.execution.engine import train_windows
    from lstmzoo.models.build import build_model
    from lstmzoo.tasks.optional import sizes_of

    plan = make_plan(_experiment(), "cpu")
    experiment, task, train = plan.resolved, plan.task, plan.resolved.train
    lanes, count = task.epoch_lanes(0), steps or plan.windows
    inputs, targets, *_ = lanes.cut(train.seq_length, 0, count)
    model = build_model(
        experiment.model,
        **sizes_of(task)._asdict(),
        encoding=experiment.model.encoding,
        batch_size=train.batch_size,
        seed=experiment.seed,
    )
    optimizer = make_optimizer(train.optimizer, train.grad_clip_norm, train.grad_clip_value)
    return [float(loss) for loss in train_windows(model, optimizer, inputs, targets, kernel=kernel)]


def main() -> None:
    """Print each check as a JSON object, as soon as it ends."""
    for line in self_test():
        print(json.dumps(line._asdict(), allow_nan=False), flush=True)


if __name__ == "__main__":
    main()
