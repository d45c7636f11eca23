"""The echo configuration (B 5, T 15, H 4, Adagrad 0.3) in each program that is compared.

`make(name, threads)` returns a function that trains for K windows and returns the last loss; a peer is configured as
well as it can be: a loop without anything but the training step, no metrics, data ready in memory.
"""

import os
from collections.abc import Callable

import numpy as np

BATCH, LENGTH, UNITS, RATE, ECHO = 5, 15, 4, 0.3, 3
Train = Callable[[int], float]


def series(windows: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets `[K, B, T]` of one echo series."""
    x = np.random.default_rng(0).integers(0, 2, BATCH * LENGTH * windows)
    y = np.roll(x, ECHO)
    y[:ECHO] = 0
    cut = (part.reshape(BATCH, windows, LENGTH).swapaxes(0, 1) for part in (x, y))
    return next(cut), next(cut)


def _tensorflow(threads: int) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def lstmzoo_kernel(kernel: str, threads: int, windows: int) -> Train:
    """Our `train_windows`."""
    _tensorflow(threads)
    import tf_keras as keras

    import lstmzoo

    model = lstmzoo.build_model("echo_4", vocab_size=2, encoding="scalar", batch_size=BATCH)
    optimizer = keras.optimizers.Adagrad(RATE)
    x, y = series(windows)
    return lambda count: float(lstmzoo.train_windows(model, optimizer, x[:count], y[:count], kernel=kernel)[-1])


def keras_fit(steps_per_execution: int, threads: int, windows: int) -> Train:
    """Plain tf_keras: a stateful LSTM layer, a Dense layer, `fit` on windows in order."""
    _tensorflow(threads)
    import tf_keras as keras

    symbols = keras.Input(batch_shape=(BATCH, LENGTH, 1))
    hidden = keras.layers.LSTM(UNITS, return_sequences=True, stateful=True)(symbols)
    model = keras.Model(symbols, keras.layers.Dense(2)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adagrad(RATE), loss, steps_per_execution=steps_per_execution)
    x, y = series(windows)
    x, y = x.reshape(-1, LENGTH, 1).astype("float32"), y.reshape(-1, LENGTH)

    def train(count: int) -> float:
        history = model.fit(x[: count * BATCH], y[: count * BATCH], batch_size=BATCH, shuffle=False, verbose=0)
        return float(history.history["loss"][-1])

    return train


def pytorch(threads: int, windows: int) -> Train:
    """PyTorch's nn.LSTM in an eager loop, state carried and detached."""
    import torch

    torch.set_num_threads(threads)
    lstm, head = torch.nn.LSTM(1, UNITS, batch_first=True), torch.nn.Linear(UNITS, 2)
    parameters = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.Adagrad(parameters, lr=RATE, initial_accumulator_value=0.1, foreach=True)
    x, y = series(windows)
    x, y = torch.tensor(x[..., None], dtype=torch.float32), torch.tensor(y.copy())
    lossy = torch.nn.functional.cross_entropy

    def train(count: int) -> float:
        state = None
        for k in range(count):
            hidden, (h, c) = lstm(x[k], state)
            state = (h.detach(), c.detach())
            loss = lossy(head(hidden).reshape(-1, 2), y[k].reshape(-1))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return float(loss)

    return train


def tutorial(threads: int, windows: int) -> Train:
    """The tutorials' way: a TensorFlow 1 graph unrolled over T, one `session.run` with a feed for each window."""
    _tensorflow(threads)
    import tensorflow.compat.v1 as tf1

    tf1.disable_v2_behavior()
    x_in, y_in = tf1.placeholder(tf1.float32, [BATCH, LENGTH]), tf1.placeholder(tf1.int32, [BATCH, LENGTH])
    c_in, h_in = (tf1.placeholder(tf1.float32, [BATCH, UNITS]) for _ in "ch")
    kernel = tf1.get_variable("kernel", [1 + UNITS, 4 * UNITS])
    bias = tf1.get_variable("bias", [4 * UNITS], initializer=tf1.zeros_initializer())
    weight = tf1.get_variable("weight", [UNITS, 2], initializer=tf1.random_uniform_initializer(0, 1))
    offset = tf1.get_variable("offset", [2], initializer=tf1.zeros_initializer())
    c, h, losses = c_in, h_in, []
    for symbol, target in zip(tf1.split(x_in, LENGTH, 1), tf1.unstack(y_in, axis=1), strict=True):
        i, j, f, o = tf1.split(tf1.nn.bias_add(tf1.matmul(tf1.concat([symbol, h], 1), kernel), bias), 4, 1)
        c = c * tf1.sigmoid(f + 1.0) + tf1.sigmoid(i) * tf1.tanh(j)
        h = tf1.tanh(c) * tf1.sigmoid(o)
        logits = tf1.matmul(h, weight) + offset
        losses.append(tf1.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits))
    loss = tf1.reduce_mean(losses)
    step = tf1.train.AdagradOptimizer(RATE).minimize(loss)
    threading = tf1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    session = tf1.Session(config=threading)
    session.run(tf1.global_variables_initializer())
    x, y = series(windows)

    def train(count: int) -> float:
        state = np.zeros((BATCH, UNITS)), np.zeros((BATCH, UNITS))
        for k in range(count):
            feed = {x_in: x[k], y_in: y[k], c_in: state[0], h_in: state[1]}
            found, _, *state = session.run([loss, step, c, h], feed)
        return float(found)

    return train


PEERS: dict[str, Callable[[int, int], Train]] = {
    "lstmzoo (xla)": lambda threads, windows: lstmzoo_kernel("xla", threads, windows),
    "lstmzoo (scan)": lambda threads, windows: lstmzoo_kernel("scan", threads, windows),
    "lstmzoo (keras)": lambda threads, windows: lstmzoo_kernel("keras", threads, windows),
    "tutorial's session.run": tutorial,
    "PyTorch nn.LSTM": pytorch,
    "tf_keras fit": lambda threads, windows: keras_fit(1, threads, windows),
    "tf_keras fit, 100 steps an execution": lambda threads, windows: keras_fit(100, threads, windows),
}
