"""The runtimes of a trained model: TensorFlow's compiled graph, NumPy alone, or the runtime of an exported file."""

from importlib.util import find_spec

from lstmzoo.errors import InputError, nearest, shown
from lstmzoo.export.formats.registry import FORMATS, require_format, require_small
from lstmzoo.export.notes import Notes
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import RunnerSampler, Sampler
from lstmzoo.inference.losses import Reader, RunnerReader
from lstmzoo.models.facts import Facts, facts_of
from lstmzoo.models.numpy_runner import NumpyRunner
from lstmzoo.models.signature import Runner, signature_of
from lstmzoo.runs.trained import Trained
from lstmzoo.system.accessories import before_tensorflow
from lstmzoo.system.files import scratch
from lstmzoo.tasks.optional import ahead_of

RUNTIMES = ("auto", "numpy", "tensorflow", *(name for name, form in FORMATS.items() if form.is_runtime))
LONG = 100_000  # symbols in all: above about this many TensorFlow finishes first, though its import takes seconds
LONG_ROWS = 1_000_000  # the same for rows of numbers: 1.1 million of 1 x 16, 0.55 million of 2 x 32


def check_runtime(runtime: str) -> None:
    """Raise `InputError` for an unknown runtime, and if a package that it needs is not installed."""
    if runtime not in RUNTIMES:
        raise InputError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, received {shown(runtime)}{nearest(runtime, RUNTIMES)}"
        )
    if runtime in FORMATS:
        require_format(runtime)


def choose_runtime(runtime: str, steps: int, long: int = LONG) -> str:
    """Return the runtime; for "auto" the one that finishes so many steps first (measured in `experiments/speed/`).

    `long`: the number of steps from which on that is TensorFlow.
    """
    if runtime != "auto":
        return runtime
    return "numpy" if steps <= long or find_spec("tensorflow") is None else "tensorflow"


def needs_tensorflow(runtime: str) -> bool:
    """Tell whether a runtime imports TensorFlow: only TensorFlow writes a TFLite file, for example."""
    return runtime == "tensorflow" or (runtime in FORMATS and FORMATS[runtime].needs_tensorflow)


def sampler_of(trained: Trained, runtime: str, choice: Choice, samples: int) -> Sampler:
    """Return what draws texts with a runtime."""
    if runtime == "tensorflow":
        before_tensorflow()
        from lstmzoo.inference.draw_tf import GraphSampler

        return GraphSampler(trained.model(batch_size=1), choice, samples)
    return RunnerSampler(open_runner(trained, runtime), choice, samples)


def reader_of(trained: Trained, runtime: str) -> Reader:
    """Return what computes the losses of texts with a runtime."""
    if runtime == "tensorflow":
        before_tensorflow()
        from lstmzoo.inference.losses_tf import Scorer

        return Scorer(trained)
    return RunnerReader(open_runner(trained, runtime))


def facts_of_run(trained: Trained) -> Facts:
    """Return the facts of a run's model, which its exported files have too."""
    return facts_of(trained.blueprint(), ahead_of(trained.experiment.task))


def open_runner(trained: Trained, runtime: str, lanes: int = 1) -> Runner:
    """Return the model in NumPy or TensorFlow, or write it to a file and open that with the runtime of its format.

    NumPy, TensorFlow (which is made for its `lanes`) and C give the same bits however a stream is cut; the products of
    ONNX Runtime and LiteRT may differ in the last place where more rows are multiplied together.
    """
    if runtime == "tensorflow":
        before_tensorflow()
        from lstmzoo.inference.runner_tf import StepRunner

        return StepRunner(trained, lanes)
    blueprint = trained.blueprint()
    if runtime == "numpy":
        return NumpyRunner(blueprint)
    require_small(runtime, blueprint)
    form = FORMATS[runtime]
    if form.needs_tensorflow:
        before_tensorflow()
    with scratch("lstmzoo-") as folder:
        path = folder / f"model{form.ending}"
        form.write(blueprint, Notes(None, ""), path)
        return form.open(path, signature_of(blueprint))
