"""What can run a trained model: TensorFlow's compiled graph, NumPy alone, or the runtime of an exported file."""

from importlib.util import find_spec

from lstmzoo.errors import InputError, nearest
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import RunnerSampler, Sampler
from lstmzoo.inference.losses import Reader, RunnerReader
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.models.signature import Runner, signature_of
from lstmzoo.runs.trained import Trained
from lstmzoo.system.files import scratch

FILE_FORMATS = ("tflite", "onnx")  # those of exported files
RUNTIMES = ("auto", "numpy", "tensorflow", *FILE_FORMATS)
LONG = 100_000  # symbols in all: from about here on TensorFlow is done first, though its import takes seconds


def check_runtime(runtime: str) -> None:
    """Raise `InputError` for an unknown one, and where a package is not installed."""
    if runtime not in RUNTIMES:
        raise InputError(
            f"runtime: expected one of {', '.join(RUNTIMES)}, received {runtime!r}{nearest(runtime, RUNTIMES)}"
        )
    if runtime in FILE_FORMATS:
        from lstmzoo.export.formats.registry import require_format

        require_format(runtime)


def choose_runtime(runtime: str, symbols: int) -> str:
    """What auto comes to, for so many symbols in all: the first to be done (`experiments/speed/`)."""
    if runtime != "auto":
        return runtime
    return "numpy" if symbols <= LONG or find_spec("tensorflow") is None else "tensorflow"


def needs_tensorflow(runtime: str) -> bool:
    """Whether TensorFlow is imported: only it writes a TFLite file."""
    return runtime in ("tensorflow", "tflite")


def sampler_of(trained: Trained, runtime: str, choice: Choice, samples: int) -> Sampler:
    """What draws texts."""
    if runtime == "tensorflow":
        from lstmzoo.inference.draw_tf import GraphSampler

        return GraphSampler(trained.model(batch_size=1), choice, samples)
    return RunnerSampler(open_runner(trained, runtime), choice, samples)


def reader_of(trained: Trained, runtime: str) -> Reader:
    """What scores texts."""
    if runtime == "tensorflow":
        from lstmzoo.inference.losses_tf import Scorer

        return Scorer(trained)
    return RunnerReader(open_runner(trained, runtime))


def open_runner(trained: Trained, runtime: str) -> Runner:
    """The model in NumPy, or written as a file for a while and opened by the runtime of that format."""
    blueprint = trained.blueprint()
    if runtime == "numpy":
        return NumpyRunner(blueprint)
    from lstmzoo.export.formats.registry import FORMATS
    from lstmzoo.export.notes import Notes

    form = FORMATS[runtime]
    with scratch("lstmzoo-") as folder:
        path = folder / f"model{form.ending}"
        form.write(blueprint, Notes(None, ""), path)
        return form.open(path, signature_of(blueprint))
