"""The engine that trains and evaluates: it checks arrays, cuts them into calls, and runs programs with explicit states.

The architecture (a Keras model) and its execution are separate: a program works on the model's weights, and its loop
over windows is in the graph, not in Python.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.data.lanes import Windows as Cut
from lstmzoo.errors import check_count
from lstmzoo.execution.arrays import arrays_of
from lstmzoo.execution.auto import choose_shards, known_kernel
from lstmzoo.execution.dropout import draw_masks, places_of
from lstmzoo.execution.network import Network, States
from lstmzoo.execution.programs import Programs
from lstmzoo.execution.replicas import ALONE, Replicas
from lstmzoo.execution.shards import Shards, Windows
from lstmzoo.execution.slots import OPTIMIZERS, build_slots
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.state import state_variables
from lstmzoo.system.machine import count_cores, find_device
from lstmzoo.tasks.losses import error_sums

KEPT = 8  # executions kept on a model, those used last
MASK_BYTES = 64_000_000  # dropout masks of one call, at most


class Evaluation(NamedTuple):
    """The results of an evaluation of K windows."""

    sums: dict[str, np.ndarray]
    """Sums over each window, each times its weight.

    Of symbols `[K]`: "loss" in nats, and "hits", the right predictions. Of numbers `[K, M]`, in float64: "loss",
    "squared" and "absolute" errors.
    """
    predictions: np.ndarray
    """The likeliest symbol at each step, `[K, B, T]`, or the numbers, `[K, B, T, M]`."""
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
    loss: str = "cross_entropy",
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Train on K windows in order, one optimizer step each, and carry the state from window to window.

    `inputs`: `[K, B, T]` (`[K, B, T, D]` for features); `targets`: `[K, B, T]`, or `[K, B, T, M]` numbers with a `loss`
    of "mse", "mae" or "huber". Returns K losses, in nats per symbol with "cross_entropy", each the mean of a window
    before its step's update; with `weights` (`[K, B, T]`, for numbers also `[K, B, T, M]`) the weighted mean, which is
    0 where all are 0. A number of weight 0 may be NaN. Training starts from the model's states and sets them to the
    final ones; gradients stop at window borders. The optimizer keeps its slots from call to call. Dropout masks are
    drawn from (seed, optimizer step), one for each window and lane. Raises `InputError` for shapes, symbols, a kernel
    or a loss that do not fit, and then nothing has changed.
    """
    seed = _seed(seed)
    kept = model.__dict__.setdefault("_lstmzoo_executions", {})  # on the model: tracing costs a second
    trainable = tuple(id(variable) for variable in model.trainable_variables)
    settings = optimizer.get_config() if isinstance(optimizer, OPTIMIZERS) else {}
    frozen = repr({name: value for name, value in settings.items() if name != "learning_rate"})
    key = (id(optimizer), str(kernel), trainable, frozen, str(loss))
    execution = kept.pop(key, None)
    if execution is None:
        arrays_of(model, dissect(model), loss).check(inputs, targets, weights)  # before the optimizer has slots
        execution = Execution(model, optimizer, kernel, loss=loss)
    kept[key] = execution
    if len(kept) > KEPT:
        del kept[next(iter(kept))]
    execution.seed = seed
    return execution.train(inputs, targets, weights=weights)


class Execution:
    """Programs that train and evaluate one model, with one optimizer, kernel, seed and loss.

    With several `replicas` each is given all lanes and computes its own; losses and evaluations are those of all lanes,
    the model's states only of the own ones until `gather_states`. `averages` of all weights, if any, follow the steps.
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
        loss: str = "cross_entropy",
        averages: Sequence[tf.Variable] = (),
    ):
        self.model, self.optimizer, self.seed, self.windows_per_call = model, optimizer, _seed(seed), windows_per_call
        self.anatomy = dissect(model)
        self.arrays, self.loss = arrays_of(model, self.anatomy, loss), loss
        self.batch_size = self.arrays.batch_size
        layers = [cell.units for cell in self.anatomy.cells]
        self.dropout = places_of(self.anatomy)
        self.kernel = known_kernel(kernel, find_device(), any(self.anatomy.recurrent_dropout))
        shards = shards or choose_shards(self.kernel, layers, self.batch_size, count_cores())
        parts = Shards(replicas, self.batch_size, shards)
        self.states: list[tf.Variable] = tf.nest.flatten(state_variables(model))
        network = Network(self.anatomy, self.kernel)
        gpus, self.averages = find_gpus(replicas.index), averages
        self.programs = Programs(model, optimizer, network, self.states, parts, loss, gpus, averages)
        build_slots(optimizer, model.trainable_variables)

    def prepare(self, windows: Cut, carry: bool) -> None:
        """Trace and compile the programs of a run for windows of these shapes; the model and optimizer do not change.

        The programs of shards are compiled when they first run, so one step is done and undone.
        """
        variables = [*self.model.weights, *self.optimizer.variables, *self.states, *self.averages]
        before = [variable.numpy() for variable in variables]
        count = int(self.programs.compiled and not self.programs.whole)
        parts: Any = [part if part is None else np.zeros((count, *part.shape[1:]), part.dtype) for part in windows]
        zeros = Cut(*parts)
        shares = np.ones(count) if self.averages else None
        self.train(zeros.inputs, zeros.targets, np.zeros(count), carry, zeros.weights, zeros.resets, shares)
        weights = np.zeros(zeros.inputs.shape[:3]) if zeros.weights is None else zeros.weights
        self.evaluate(zeros.inputs, zeros.targets, weights, resets=zeros.resets)
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)

    def train(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        rates: np.ndarray | None = None,
        carry: bool = True,
        weights: np.ndarray | None = None,
        resets: np.ndarray | None = None,
        shares: np.ndarray | None = None,
    ) -> np.ndarray:
        """Train on K windows as `train_windows` does, and return K losses.

        `rates` `[K]`: the learning rate of each step; `carry=False`: each window starts from zero state; `resets`
        `[K, B]`: booleans, True where a lane starts a window from zero state, the others go on; `shares`
        `[K]`: what the weights after each step take in the `averages`.
        """
        windows, shape = self._windows(inputs, resets)
        windows["y"] = self.arrays.targets(targets, shape)
        if weights is not None:
            windows["weights"] = self.arrays.shares(self.arrays.weights(weights, shape))
        if rates is not None:
            windows["rate"] = np.asarray(rates, np.float32)
        if shares is not None:
            windows["share"] = np.asarray(shares, self.arrays.dtype)
        found = []
        for part in self._parts(windows):
            part |= self._masks(len(part["x"]))
            count, part = self._padded(self.programs.shards.own_windows(part))
            with self.programs.as_written():
                losses = self.programs.train(part, carry)(count, part)
            found.append(losses.numpy()[:count])
        return np.concatenate(found)

    def evaluate(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        states: States | None = None,
        resets: np.ndarray | None = None,
    ) -> Evaluation:
        """Evaluate K windows that continue one another, from zero or the given states.

        Arrays are those of `train`. The model, its states and the optimizer do not change.
        """
        windows, shape = self._windows(inputs, resets)
        targets, weights = self.arrays.targets(targets, shape), self.arrays.weights(weights, shape)
        if not self.arrays.numbers:
            windows |= {"y": targets, "weights": weights}
        states = states or [tf.zeros_like(variable) for variable in self.states]
        found = []
        for part in self._parts(windows):
            count, part = self._padded(self.programs.shards.own_windows(part))
            with self.programs.as_written():
                results, states = self.programs.evaluate(part, states)(count, part, states)
            found.append([result.numpy()[:count] for result in results])
        *sums, predictions = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if self.arrays.numbers:
            by_name = error_sums(self.loss, predictions, targets, weights, (1, 2))  # a series has millions of steps
        else:
            by_name = dict(zip(("loss", "hits"), sums, strict=True))
        return Evaluation(by_name, np.swapaxes(predictions, 1, 2), states)

    def _windows(self, inputs: np.ndarray, resets: np.ndarray | None) -> tuple[Windows, tuple[int, ...]]:
        """Return windows with inputs, and resets if any, as the programs take them, and K, B and T."""
        x = self.arrays.inputs(inputs)
        shape = (x.shape[0], x.shape[2], x.shape[1])
        return {"x": x} | ({} if resets is None else {"resets": self.arrays.resets(resets, shape)}), shape

    def gather_states(self) -> None:
        """Set the model's states of all lanes, of which each of several workers has its own."""
        self.programs.gather_states()

    def _parts(self, windows: Windows) -> Iterator[Windows]:
        """Yield the windows in parts, one for each call; results do not depend on where they are cut."""
        total = len(windows["x"])
        masks = sum(place.size for place in self.dropout) * self.batch_size
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
        step, lanes = int(self.optimizer.iterations), self.batch_size
        return {
            name: draw_masks(self.seed, stream, step, count, (lanes, size), rate)
            for name, stream, size, rate in self.dropout
        }


def find_gpus(worker: int = 0) -> list[str]:
    """Return the names of the GPUs that TensorFlow computes on; it may leave out a weak one that the driver has.

    In a cluster it lists those of all workers: `worker` is the one whose are returned.
    """
    names = [device.name for device in tf.config.list_logical_devices("GPU")]
    return [name for name in names if tf.DeviceSpec.from_string(name).task in (None, worker)]


def _seed(seed: int) -> int:
    check_count("seed", seed, 0)
    return int(seed)
