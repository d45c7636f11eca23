"""Character models in each program that is compared: training steps, and sampling at batch 1.

Every peer is configured as well as it can be: nothing in its loop but the step, no metrics, data ready in memory.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

VOCAB, RATE = 65, 2e-3
Round = Callable[[], int]


class Size(NamedTuple):
    """L layers of H units, B lanes, T steps, and K windows a round."""

    depth: int
    units: int
    batch_size: int
    seq_length: int
    windows: int


SIZES = {"2 x 128": Size(2, 128, 50, 50, 40), "2 x 512": Size(2, 512, 64, 100, 3)}


def windows(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets `[K, B, T]` of random text."""
    x = np.random.default_rng(0).integers(0, VOCAB, (size.windows, size.batch_size, size.seq_length), np.int32)
    return x, np.roll(x, -1, axis=2)


def tensorflow(threads: int) -> None:
    """Import it with its threads set."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def ours(size: Size, batch_size: int) -> object:
    """Our model of a size."""
    import lstmzoo

    description = {"kind": "stacked_layers", "units": size.units, "depth": size.depth}
    return lstmzoo.build_model(description, vocab_size=VOCAB, encoding="one_hot", batch_size=batch_size)


def train_lstmzoo(kernel: str, size: Size, threads: int) -> Round:
    """Our `train_windows`, in the programs that a run with so many threads uses."""
    tensorflow(threads)
    import tf_keras as keras

    from lstmzoo.execution.auto import choose_shards
    from lstmzoo.execution.engine import Execution

    shards = choose_shards(kernel, [size.units] * size.depth, size.batch_size, threads)
    execution = Execution(ours(size, size.batch_size), keras.optimizers.Adam(RATE), kernel, shards=shards)
    x, y = windows(size)
    return lambda: len(execution.train(x, y))


def keras_model(size: Size, batch_size: int, seq_length: int) -> object:
    """Stateful LSTM layers on one-hot input, as people write it."""
    import tensorflow as tf
    import tf_keras as keras

    symbols = keras.Input(batch_shape=(batch_size, seq_length), dtype="int32")
    x = keras.layers.Lambda(lambda ids: tf.one_hot(ids, VOCAB))(symbols)
    for _ in range(size.depth):
        x = keras.layers.LSTM(size.units, return_sequences=True, stateful=True)(x)
    return keras.Model(symbols, keras.layers.Dense(VOCAB)(x))


def train_keras(steps_per_execution: int, size: Size, threads: int) -> Round:
    """Plain tf_keras: `fit` on windows in order."""
    tensorflow(threads)
    import tf_keras as keras

    model = keras_model(size, size.batch_size, size.seq_length)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(RATE), loss, steps_per_execution=steps_per_execution)
    x, y = (part.reshape(-1, size.seq_length) for part in windows(size))

    def turn() -> int:
        model.fit(x, y, batch_size=size.batch_size, shuffle=False, verbose=0)
        return size.windows

    return turn


def torch_modules(size: Size) -> tuple[object, object, object]:
    """PyTorch's LSTM, its head, and the one-hot rows that are looked up."""
    import torch

    return torch.nn.LSTM(VOCAB, size.units, size.depth), torch.nn.Linear(size.units, VOCAB), torch.eye(VOCAB)


def train_torch(size: Size, threads: int) -> Round:
    """PyTorch's nn.LSTM in an eager loop, fused Adam, state carried and detached."""
    import torch

    torch.set_num_threads(threads)
    lstm, head, rows = torch_modules(size)
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=RATE, fused=True)
    x, y = (torch.tensor(part.swapaxes(1, 2).copy(), dtype=torch.long) for part in windows(size))

    def turn() -> int:
        state = None
        for k in range(size.windows):
            hidden, (h, c) = lstm(rows[x[k]], state)
            state = (h.detach(), c.detach())
            loss = torch.nn.functional.cross_entropy(head(hidden).reshape(-1, VOCAB), y[k].reshape(-1))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        return size.windows

    return turn


def sample_lstmzoo(size: Size, threads: int) -> Round:
    """Our sampler."""
    tensorflow(threads)
    from lstmzoo.inference.choice import Choice
    from lstmzoo.inference.draw_tf import GraphSampler

    sampler = GraphSampler(ours(size, 1), Choice())
    return lambda: sum(len(piece) for piece in sampler.draw(10_000, (0,)))


def sample_torch(size: Size, threads: int) -> Round:
    """PyTorch, a step at a time, without gradients; oneDNN's LSTM would arrange the weights anew for each step."""
    import torch

    torch.set_num_threads(threads)
    torch.backends.mkldnn.set_flags(False)
    lstm, head, rows = torch_modules(size)

    def turn() -> int:
        state, symbol, count = None, 0, 300
        with torch.inference_mode():
            for _ in range(count):
                hidden, state = lstm(rows[symbol].view(1, 1, -1), state)
                symbol = int(torch.multinomial(torch.softmax(head(hidden[0, 0]), 0), 1))
        return count

    return turn


def sample_keras(method: str, size: Size, threads: int) -> Round:
    """A stateful Keras model asked for one symbol at a time."""
    tensorflow(threads)
    model = keras_model(size, 1, 1)
    options = {"verbose": 0} if method == "predict" else {}
    draws = np.random.default_rng(0)

    def turn() -> int:
        symbol, count = 0, 20
        for _ in range(count):
            logits = getattr(model, method)(np.array([[symbol]]), **options)[0, 0].astype(float)
            weights = np.exp(logits - logits.max())
            symbol = int(draws.choice(VOCAB, p=weights / weights.sum()))
        return count

    return turn


def _programs() -> dict[str, Callable[[int], Round]]:
    found: dict[str, Callable[[int], Round]] = {}
    for name, size in SIZES.items():
        found |= {
            f"train {name}: lstmzoo": lambda threads, size=size: train_lstmzoo("xla", size, threads),
            f"train {name}: lstmzoo, scan": lambda threads, size=size: train_lstmzoo("scan", size, threads),
            f"train {name}: PyTorch nn.LSTM": lambda threads, size=size: train_torch(size, threads),
            f"train {name}: tf_keras fit": lambda threads, size=size: train_keras(1, size, threads),
            f"train {name}: tf_keras fit, 20 steps an execution": lambda t, size=size: train_keras(20, size, t),
            f"sample {name}: lstmzoo": lambda threads, size=size: sample_lstmzoo(size, threads),
            f"sample {name}: PyTorch eager loop": lambda threads, size=size: sample_torch(size, threads),
            f"sample {name}: predict_on_batch": lambda t, size=size: sample_keras("predict_on_batch", size, t),
            f"sample {name}: predict": lambda threads, size=size: sample_keras("predict", size, threads),
        }
    return found


PROGRAMS = _programs()
