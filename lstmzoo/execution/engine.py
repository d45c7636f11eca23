"""The engine that trains and evaluates: it checks arrays, cuts them into calls, and runs programs with explicit states.

The architecture (a Keras model) and its execution are separate: a program works on the model's weights, and its loop
over windows is in the graph, not in Python.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.errors import InputError, check_count, did_you_mean, shown
from lstmzoo.execution.auto import KERNELS, choose_shards, fastest_kernel
from lstmzoo.execution.dropout import draw_masks
from lstmzoo.execution.network import Network, States
from lstmzoo.execution.programs import Programs, Windows
from lstmzoo.execution.replicas import ALONE, Replicas, Share
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.state import state_variables
from lstmzoo.system.machine import count_cores, find_device

OPTIMIZERS = (keras.optimizers.Optimizer, keras.optimizers.legacy.Optimizer)
KEPT = 8  # executions kept on a model, those used last
MASK_BYTES = 64_000_000  # dropout masks of one call, at most


class Evaluation(NamedTuple):
    """The results of an evaluation of K windows."""

    losses: np.ndarray
    """Sum of weighted losses of each window, nats, `[K]`."""
    hits: np.ndarray
    """Weighted number of right predictions of each window, `[K]`."""
    predictions: np.ndarray
    """The likeliest symbol at each step, `[K, B, T]`."""
    states: States
    """The final state, from which the next windows can continue."""


def train_windows(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    kernel: str = "auto",
    seed: int = 0,
) -> np.ndarray:
    """Train on K windows in order, one optimizer step each, and carry the state from window to window.

    `inputs`: `[K, B, T]` (`[K, B, T, D]` for features); `targets`: `[K, B, T]`. Returns K losses in nats per symbol,
    each the mean of a window before its step's update. Training starts from the model's states and sets them to the
    final ones; gradients stop at window borders. The optimizer keeps its slots from call to call. Dropout masks are
    drawn from (seed, optimizer step), one for each window and lane. Raises `InputError` for shapes, symbols or a kernel
    that do not fit, and then nothing has changed.
    """
    kept = model.__dict__.setdefault("_lstmzoo_executions", {})  # on the model: tracing costs a second
    trainable = tuple(id(variable) for variable in model.trainable_variables)
    settings = optimizer.get_config() if isinstance(optimizer, OPTIMIZERS) else {}
    frozen = repr({name: value for name, value in settings.items() if name != "learning_rate"})
    key = (id(optimizer), str(kernel), trainable, frozen)
    execution = kept.pop(key, None) or Execution(model, optimizer, kernel)
    kept[key] = execution
    if len(kept) > KEPT:
        del kept[next(iter(kept))]
    execution.seed = _seed(seed)
    return execution.train(inputs, targets)


class Execution:
    """Programs that train and evaluate one model, with one optimizer, kernel and seed.

    With several `replicas` each is given all lanes and computes its own; losses and evaluations are those of all lanes,
    the model's states only of the own ones until `gather_states`.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        kernel: str = "auto",
        seed: int = 0,
        windows_per_call: int | None = None,
        shards: int | None = None,
        replicas: Replicas = ALONE,
    ):
        self.model, self.optimizer, self.seed, self.windows_per_call = model, optimizer, _seed(seed), windows_per_call
        self.anatomy = dissect(model)
        if self.anatomy.head is None:
            raise InputError(
                "model: expected a model with a head, received one without, which has no loss: build it with "
                "vocab_size or outputs"
            )
        table = self.anatomy.embedding
        self.symbols = table.input_dim if table is not None else self.anatomy.one_hot_size  # None: numbers go in
        self.batch_size, _, *self.features = model.input_shape
        layers = [cell.units for cell in self.anatomy.cells]
        self.kernel = _known_kernel(kernel)
        shards = shards or choose_shards(self.kernel, layers, self.batch_size, count_cores())
        share = Share(replicas, self.batch_size, shards)
        self.states: list[tf.Variable] = tf.nest.flatten(state_variables(model))
        self.dtype = self.anatomy.head.kernel.dtype
        network = Network(self.anatomy, self.kernel)
        self.programs = Programs(model, optimizer, network, self.states, share, find_gpus())
        _build_slots(optimizer, model.trainable_variables)

    def prepare(self, seq_length: int, carry: bool) -> None:
        """Trace and compile the programs of a run for windows of T steps; the model and optimizer do not change.

        The programs of shards are compiled when they first run, so one step is done and undone.
        """
        variables = [*self.model.weights, *self.optimizer.variables, *self.states]
        before = [variable.numpy() for variable in variables]
        count = int(self.programs.compiled and not self.programs.whole)
        inputs = np.zeros((count, self.batch_size, seq_length, *self.features))
        targets = np.zeros(inputs.shape[:3], np.int32)
        self.train(inputs if self.symbols is None else targets, targets, np.zeros(count), carry)
        self.evaluate(inputs if self.symbols is None else targets, targets, targets)
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    def train(
        self, inputs: np.ndarray, targets: np.ndarray, rates: np.ndarray | None = None, carry: bool = True
    ) -> np.ndarray:
        """Train on K windows as `train_windows` does, and return K losses in nats per symbol.

        `rates` `[K]`: the learning rate of each step; `carry=False`: each window starts from zero state.
        """
        windows = self._checked(inputs, targets)
        if rates is not None:
            windows["rate"] = np.asarray(rates, np.float32)
        found = []
        for part in self._parts(windows):
            part |= self._masks(len(part["x"]))
            count, part = self._padded(self.programs.own_windows(part))
            with self.programs.as_written():
                losses = self.programs.train(part, carry)(count, part)
            found.append(losses.numpy()[:count])
        return np.concatenate(found)

    def evaluate(
        self, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, states: States | None = None
    ) -> Evaluation:
        """Evaluate K windows that continue one another, from zero or the given states.

        `inputs`: `[K, B, T]` (`[K, B, T, D]` for features); `targets`, `weights`: `[K, B, T]`. The model, its states
        and the optimizer do not change.
        """
        windows = self._checked(inputs, targets)
        windows["weights"] = np.swapaxes(np.asarray(weights, self.dtype.as_numpy_dtype), 1, 2)
        states = states or [tf.zeros_like(variable) for variable in self.states]
        found = []
        for part in self._parts(windows):
            count, part = self._padded(self.programs.own_windows(part))
            with self.programs.as_written():
                results, states = self.programs.evaluate(part, states)(count, part, states)
            found.append([result.numpy()[:count] for result in results])
        losses, hits, predictions = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Evaluation(losses, hits, np.swapaxes(predictions, 1, 2), states)

    def gather_states(self) -> None:
        """Set the model's states of all lanes, of which each of several workers has its own."""
        self.programs.gather_states()

    def _parts(self, windows: Windows) -> Iterator[Windows]:
        """Yield the windows in parts, one for each call; results do not depend on where they are cut."""
        total = len(windows["x"])
        masks = sum(size for _, size in self._dropped()) * self.batch_size
        size = min(self.windows_per_call or max(total, 1), MASK_BYTES // max(masks, 1) + 1)
        for first in range(0, max(total, 1), size):
            yield {name: part[first : first + size] for name, part in windows.items()}

    def _padded(self, windows: Windows) -> tuple[int, Windows]:
        """Return the number of windows, and the windows padded to a size that a compiled program may already have."""
        count = len(windows["x"])
        size = self.windows_per_call or max(16, 1 << (count - 1).bit_length())
        if not self.programs.whole or size == count:
            return count, windows
        fill = {name: [(0, size - count)] + [(0, 0)] * (part.ndim - 1) for name, part in windows.items()}
        return count, {name: np.pad(part, fill[name]) for name, part in windows.items()}

    def _masks(self, count: int) -> Windows:
        step = int(self.optimizer.iterations)
        rates, lanes = self.anatomy.dropout, self.batch_size
        return {
            str(layer): draw_masks(self.seed, layer, step, count, (lanes, size), rates[layer])
            for layer, size in self._dropped()
        }

    def _dropped(self) -> list[tuple[int, int]]:
        """List the layers with dropout in front, and the size of their input."""
        sizes = [cell.kernel.shape[0] for cell in self.anatomy.cells]
        return [(layer, sizes[layer]) for layer, rate in enumerate(self.anatomy.dropout) if rate]

    def _checked(self, inputs: np.ndarray, targets: np.ndarray) -> Windows:
        """Check inputs and targets, and return them as the programs take them: time first, `[K, T, B]`."""
        inputs, targets = np.asarray(inputs), np.asarray(targets)
        shape = ["K", self.batch_size, "T", *self.features]
        if inputs.ndim != len(shape) or [inputs.shape[1], *inputs.shape[3:]] != [self.batch_size, *self.features]:
            raise InputError(f"inputs: expected shape [{', '.join(map(str, shape))}], received {list(inputs.shape)}")
        if targets.shape != inputs.shape[:3] or 0 in inputs.shape[1:]:
            wanted = f"[K, B, T] = {list(inputs.shape[:3])} with T >= 1"
            raise InputError(f"targets: expected shape {wanted}, received {list(targets.shape)}")
        if self.symbols is None:
            inputs = inputs.astype(self.dtype.as_numpy_dtype)
        else:
            inputs = _symbols("inputs", inputs, self.symbols)
        targets = _symbols("targets", targets, self.anatomy.head.units)  # type: ignore[union-attr]
        return {"x": np.swapaxes(inputs, 1, 2), "y": np.swapaxes(targets, 1, 2)}


def _symbols(name: str, values: np.ndarray, size: int) -> np.ndarray:
    """Return symbols as int32; raise `InputError` unless all are from 0 to size - 1.

    With others a loss would be NaN on a CPU and a wrong number on a GPU.
    """
    if values.dtype.kind not in "iub":
        raise InputError(f"{name}: expected symbols as integers, received {values.dtype}")
    if values.size and not (values.min() >= 0 and values.max() < size):
        raise InputError(f"{name}: expected symbols from 0 to {size - 1}, received {values.min()} to {values.max()}")
    return values.astype(np.int32)


def find_gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow computes on; it may leave out a weak one that the driver has."""
    return [device.name for device in tf.config.list_logical_devices("GPU")]


def _known_kernel(kernel: str) -> str:
    if kernel == "auto":
        return fastest_kernel(find_device())
    if kernel not in KERNELS:
        near = did_you_mean(kernel, ["auto", *KERNELS])
        raise InputError(f"kernel: expected a known one, received {shown(kernel)}{near}")
    return kernel


def _seed(seed: int) -> int:
    check_count("seed", seed, 0)
    return int(seed)


def _build_slots(optimizer: keras.optimizers.Optimizer, variables: list[tf.Variable]) -> None:
    """Create the slots before any tracing, so that their names and order never depend on how training began.

    Raises `InputError` for Nadam, which counts its steps in a Python attribute that a graph would freeze, and for
    LossScaleOptimizer, which needs scaled gradients.
    """
    wrong = (keras.optimizers.Nadam, keras.optimizers.legacy.Nadam, keras.mixed_precision.LossScaleOptimizer)
    if not isinstance(optimizer, OPTIMIZERS) or isinstance(optimizer, wrong):
        name = optimizer if isinstance(optimizer, str) else type(optimizer).__name__
        raise InputError(
            f"optimizer: expected one of tf_keras, except Nadam and LossScaleOptimizer, received {shown(name)}: take "
            "another one, such as tf_keras.optimizers.Adam()"
        )
    served = getattr(optimizer, "_index_dict", None)
    if isinstance(optimizer, keras.optimizers.legacy.Optimizer):
        optimizer._create_all_weights(variables)
    elif not served:
        optimizer.build(variables)
    elif unknown := [variable.name for variable in variables if variable._unique_id not in served]:
        # building it again would give the slots of the old weights to the new ones
        text = f"received one that serves other weights and not {unknown[0]}"
        raise InputError(f"optimizer: expected one for this model's trainable weights, {text}: make a new one")
