"""The same weights as an explicit-state program: many windows in one graph call, by one of a few kernels.

The architecture (a Keras model) and its execution are two things. A program works on the model's cells, embedding and
head, `(x, states) -> (logits, states)`, and never sees the kind; its loop over windows is in the graph.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from lstmzoo.anatomy import dissect
from lstmzoo.errors import InputError
from lstmzoo.kernels import LAYERS, Tensor, rows, sigmoid_of
from lstmzoo.nearest import did_you_mean
from lstmzoo.plan import fastest_kernel
from lstmzoo.state import state_variables

States = list[Tensor]  # h, c, h, c, ... from the input up, each [B, H]


class Evaluation(NamedTuple):
    """What an evaluation of K windows found."""

    losses: np.ndarray
    """Sum of weighted losses of each window, nats, `[K]`."""
    hits: np.ndarray
    """Weighted number of right predictions of each window, `[K]`."""
    predictions: np.ndarray
    """The likeliest symbol at each step, `[K, B, T]`."""
    states: States
    """The final state, to go on from."""


def train_windows(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    kernel: str = "auto",
    seed: int = 0,
) -> np.ndarray:
    """Train on K windows in order, one optimizer step each, state carried: K losses (nats a symbol, window means).

    `inputs` `[K, B, T]` (`[K, B, T, D]` for features), `targets` `[K, B, T]`. Starts from the model's states and leaves
    the final ones there; gradients stop at window borders. The optimizer keeps its slots from call to call. Dropout
    masks are drawn from (seed, optimizer step), one a window and lane. Each loss is that before its step's update.
    Raises `InputError` for shapes, symbols or a kernel that do not fit, and then nothing has changed.
    """
    kept = model.__dict__.setdefault("_lstmzoo_executions", {})
    execution = kept.get((kernel, seed))
    if execution is None or execution.optimizer is not optimizer:
        execution = kept[kernel, seed] = Execution(model, optimizer, kernel, seed)
    return execution.train(inputs, targets)


class Execution:
    """Programs that train and evaluate one model, with one optimizer, kernel and seed."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        kernel: str = "auto",
        seed: int = 0,
        windows_per_call: int | None = None,
    ):
        self.model, self.optimizer, self.seed = model, optimizer, seed
        self.anatomy = dissect(model)
        if self.anatomy.head is None:
            raise InputError("expected a model with a head (vocab_size given), received one without: it has no loss")
        self.head, table = self.anatomy.head, self.anatomy.embedding
        self.symbols = table.input_dim if table is not None else self.anatomy.one_hot_size  # None: numbers go in
        self.batch_size, _, *self.features = model.input_shape
        self.kernel = _known_kernel(kernel, self.anatomy.cells)
        self.layers = [LAYERS[self.kernel](cell) for cell in self.anatomy.cells]
        self.states: list[tf.Variable] = tf.nest.flatten(state_variables(model))
        self.dtype = self.head.kernel.dtype
        self.programs: dict[Any, Any] = {}
        self.capacity = windows_per_call if self.kernel == "xla" else None
        _build_slots(optimizer, model.trainable_variables)

    def prepare(self, seq_length: int, carry: bool) -> None:
        """Trace (and compile) the programs of a run for windows of T steps, without running a step."""
        inputs = np.zeros((0, self.batch_size, seq_length, *self.features))
        targets = np.zeros(inputs.shape[:3], np.int32)
        self.train(inputs if self.symbols is None else targets, targets, np.zeros(0), carry)
        self.evaluate(inputs if self.symbols is None else targets, targets, targets)

    def train(
        self, inputs: np.ndarray, targets: np.ndarray, rates: np.ndarray | None = None, carry: bool = True
    ) -> np.ndarray:
        """As `train_windows`; `rates [K]` set each step's learning rate; `carry=False`: each window from zero state."""
        windows = [*self._checked(inputs, targets), *([] if rates is None else [np.asarray(rates, np.float32)])]
        program = self._program(("train", carry, len(windows)), windows, self._training(carry))
        losses = [np.asarray(program(*call))[: call[0]] for call in self._calls(windows)]
        return np.concatenate(losses)

    def evaluate(
        self, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, states: States | None = None
    ) -> Evaluation:
        """Losses of windows that continue one another, from zero or the given states; training notices nothing."""
        weights = np.swapaxes(np.asarray(weights, self.dtype.as_numpy_dtype), 1, 2)
        windows = [*self._checked(inputs, targets), weights]
        states = states or [tf.zeros_like(variable) for variable in self.states]
        program = self._program("evaluate", windows, self._evaluation(), states)
        found = []
        for call in self._calls(windows):
            results, states = program(*call, states)
            found.append([np.asarray(result)[: call[0]] for result in results])
        losses, hits, predictions = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Evaluation(losses, hits, np.swapaxes(predictions, 1, 2), states)

    def _training(self, carry: bool) -> Any:
        def step(states: States, x: Tensor, y: Tensor, *rate: Tensor) -> tuple[States, tuple[Tensor, ...]]:
            variables = self.model.trainable_variables
            if rate:
                self.optimizer.learning_rate.assign(rate[0])
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(variables)
                logits, states = self._forward(x, states if carry else zeros_like(states), self.optimizer.iterations)
                loss = tf.reduce_mean(losses_of(logits, y))
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            return states, (loss,)

        def train(count: Tensor, *windows: Tensor) -> Tensor:
            states, (losses,) = over_windows(step, count, windows, [v.value() for v in self.states], [self.dtype])
            for variable, state in zip(self.states, states, strict=True):
                variable.assign(state)
            return losses

        return train

    def _evaluation(self) -> Any:
        def step(states: States, x: Tensor, y: Tensor, weights: Tensor) -> tuple[States, tuple[Tensor, ...]]:
            logits, states = self._forward(x, states, None)
            predictions = tf.argmax(logits, -1, tf.int32)
            hits = tf.reduce_sum(weights * tf.cast(predictions == y, weights.dtype))
            return states, (tf.reduce_sum(weights * losses_of(logits, y)), hits, predictions)

        def evaluate(count: Tensor, *windows_and_states: Any) -> tuple[list[Tensor], States]:
            *windows, states = windows_and_states
            states, results = over_windows(step, count, windows, states, [self.dtype, self.dtype, tf.int32])
            return results, states

        return evaluate

    def _forward(self, x: Tensor, states: States, step: Tensor | None) -> tuple[Tensor, States]:
        """Logits `[T, B, V]` and final states of a window `[T, B]`; with dropout of a training step, or without."""
        x, final = self._encoded(x), []
        for index, layer in enumerate(self.layers):
            if step is not None and self.anatomy.dropout[index]:
                x = x * self._mask(index, x.shape[1:], step)
            x, *state = layer(x, states[2 * index], states[2 * index + 1])
            final += state
        return rows(x, self.head.kernel) + self.head.bias, final

    def _encoded(self, x: Tensor) -> Tensor:
        """As features: `[T, B]` or `[T, B, D]` to `[T, B, D]`."""
        if self.anatomy.encoding == "features":
            return x
        if self.anatomy.embedding is not None:
            return tf.gather(self.anatomy.embedding.embeddings, x)
        return tf.one_hot(x, self.anatomy.one_hot_size, dtype=self.dtype) if self.anatomy.one_hot_size else x[..., None]

    def _mask(self, index: int, shape: Any, step: Tensor) -> Tensor:
        """One mask a window and lane in front of a layer, a function of (seed, layer, step) alone."""
        rate = self.anatomy.dropout[index]
        place = np.random.SeedSequence([self.seed, index]).generate_state(1)[0] >> 1
        seed = tf.stack([tf.constant(place, tf.int64), tf.cast(step, tf.int64)])
        drawn = tf.random.stateless_uniform(shape, seed, dtype=self.dtype, alg="philox")
        return tf.cast(drawn >= rate, self.dtype) / (1 - rate)

    def _program(self, key: Any, windows: list[np.ndarray], function: Any, states: States | None = None) -> Any:
        """The compiled function for windows of these shapes, any number of them (but for xla: `capacity`)."""
        shapes = tuple(window.shape[1:] for window in windows)
        if (key, shapes) not in self.programs:
            compiled = self.kernel == "xla"
            self.capacity = self.capacity or (len(windows[0]) if compiled else None)
            signature = [tf.TensorSpec([self.capacity, *w.shape[1:]], w.dtype) for w in windows]
            carried = [] if states is None else [[tf.TensorSpec(state.shape, state.dtype) for state in states]]
            self.programs[key, shapes] = tf.function(
                function,
                input_signature=[tf.TensorSpec([], tf.int32), *signature, *carried],
                autograph=False,
                jit_compile=compiled,
            )
        return self.programs[key, shapes]

    def _calls(self, windows: list[np.ndarray]) -> Iterator[list[Any]]:
        """Arguments of each call: how many windows, and the windows, padded to a compiled program's capacity."""
        total = len(windows[0])
        size = self.capacity or max(total, 1)
        for first in range(0, max(total, 1), size):
            pieces = [window[first : first + size] for window in windows]
            count = len(pieces[0])
            missing = (self.capacity or count) - count
            yield [count, *(np.pad(p, [(0, missing)] + [(0, 0)] * (p.ndim - 1)) if missing else p for p in pieces)]

    def _checked(self, inputs: np.ndarray, targets: np.ndarray) -> list[np.ndarray]:
        """Inputs and targets as the programs take them: time first, `[K, T, B]`."""
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
        return [np.swapaxes(part, 1, 2) for part in (inputs, _symbols("targets", targets, self.head.units))]


def over_windows(
    step: Any, count: Tensor, windows: Any, states: States, results: list[Any]
) -> tuple[States, list[Tensor]]:
    """Run `step(states, *window)` over `count` windows in the graph: the final states, and each result stacked."""
    arrays = [tf.TensorArray(dtype, tf.shape(windows[0])[0]) for dtype in results]

    def body(k: Tensor, states: States, arrays: Any) -> Any:
        states, found = step(states, *(window[k] for window in windows))
        return k + 1, states, [array.write(k, value) for array, value in zip(arrays, found, strict=True)]

    _, states, arrays = tf.while_loop(lambda k, *_: k < count, body, (0, states, arrays), parallel_iterations=1)
    return states, [array.stack() for array in arrays]


def losses_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in nats `[T, B]` of logits `[T, B, V]` against symbols `[T, B]`."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)


def zeros_like(states: States) -> States:
    """The zero state."""
    return [tf.zeros_like(state) for state in states]


def _symbols(name: str, values: np.ndarray, size: int) -> np.ndarray:
    """Symbols as int32; outside 0 to size - 1 a loss would be NaN on a CPU and garbage on a GPU."""
    if values.dtype.kind not in "iub":
        raise InputError(f"{name}: expected symbols as integers, received {values.dtype}")
    if values.size and not (values.min() >= 0 and values.max() < size):
        raise InputError(f"{name}: expected symbols from 0 to {size - 1}, received {values.min()} to {values.max()}")
    return values.astype(np.int32)


def _known_kernel(kernel: str, cells: tuple[keras.layers.LSTMCell, ...]) -> str:
    if kernel == "auto":
        device = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
        single = cells[0].kernel.dtype == tf.float32
        return fastest_kernel([cell.units for cell in cells], sigmoid_of(cells[0]) if single else "", device)
    if kernel not in LAYERS:
        raise InputError(
            f"kernel: expected auto or one of {', '.join(LAYERS)}, received {kernel!r}{did_you_mean(kernel, LAYERS)}"
        )
    return kernel


def _build_slots(optimizer: keras.optimizers.Optimizer, variables: list[tf.Variable]) -> None:
    """Create the slots before any tracing, so that their names and order never depend on how training began."""
    if isinstance(optimizer, keras.optimizers.legacy.Optimizer):
        optimizer._create_all_weights(variables)
    else:
        optimizer.build(variables)
