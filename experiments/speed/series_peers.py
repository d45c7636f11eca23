"""Nets of numbers in each program that is compared: training steps on windows of 16 lanes and 512 steps.

Every peer is configured as well as it can be: nothing in its loop but the step, no metrics, data ready in memory.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from char_peers import Round, tensorflow

SIZES = {"1 x 16": (1, 16), "1 x 24": (1, 24), "2 x 8": (2, 8), "2 x 32": (2, 32)}  # L layers of H units
LANES, STEPS, WINDOWS, RATE = 16, 512, 20, 2e-3
TINY = 1e-12  # Adam's epsilon, which Keras and PyTorch put in different places
Losses = Callable[[], list[float]]
"""Trains on all windows, one update each, and returns their losses."""


def windows() -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets `[K, B, T, 1]`: noise, and the mean of its last eight values."""
    x = np.random.default_rng(0).normal(size=(LANES, WINDOWS * STEPS)).astype(np.float32)
    y = sum(np.roll(x, back, 1) for back in range(8)) / 8
    return tuple(part.reshape(LANES, WINDOWS, STEPS, 1).swapaxes(0, 1) for part in (x, y))


def lstmzoo(depth: int, units: int, threads: int, kernel: str = "xla", sharded: bool = False) -> Losses:
    """Our `train_windows`, in one program, or `sharded`: the lanes cut into a shard for each thread."""
    tensorflow(threads)
    import tf_keras as keras

    from lstmzoo.execution.engine import Execution

    optimizer, shards = keras.optimizers.Adam(RATE, epsilon=TINY), threads if sharded else 1
    execution = Execution(ours(depth, units), optimizer, kernel, shards=shards, loss="mse")
    x, y = windows()
    return lambda: list(execution.train(x, y))


def ours(depth: int, units: int) -> object:
    """Our model of a size."""
    import lstmzoo

    description = {"kind": "stacked_layers", "units": units, "depth": depth}
    model = lstmzoo.build_model(description, encoding="features", input_dim=1, outputs=1, batch_size=LANES)
    model.set_weights(weights(depth, units))
    return model


def weights(depth: int, units: int) -> list[np.ndarray]:
    """The weights that every program begins with: W, U, b of each layer, then W, b of the head."""
    rng = np.random.default_rng(0)
    shapes = [shape for layer in range(depth) for shape in ((units if layer else 1, 4 * units), (units, 4 * units))]
    cells = [rng.uniform(-1, 1, shape).astype(np.float32) / units**0.5 for shape in [*shapes, (units, 1)]]
    biases = [np.zeros(4 * units, np.float32)] * depth
    layers = [part for w, u, b in zip(cells[:-1:2], cells[1:-1:2], biases, strict=True) for part in (w, u, b)]
    return [*layers, cells[-1], np.zeros(1, np.float32)]


def torch_loop(depth: int, units: int, threads: int) -> Losses:
    """PyTorch's nn.LSTM (oneDNN's) in an eager loop, fused Adam, state carried and detached."""
    import torch

    torch.set_num_threads(threads)
    lstm, head = torch.nn.LSTM(1, units, depth), torch.nn.Linear(units, 1)
    load(lstm, head)
    optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=RATE, eps=TINY, fused=True)
    x, y = (torch.tensor(part.swapaxes(1, 2).copy()) for part in windows())
    carried = [torch.zeros(depth, LANES, units)] * 2

    def train() -> list[float]:
        losses = []
        for k in range(WINDOWS):
            hidden, state = lstm(x[k], tuple(carried))
            carried[:] = [part.detach() for part in state]
            loss = torch.nn.functional.mse_loss(head(hidden), y[k])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()

    return train


def load(lstm: object, head: object) -> None:
    """Set the weights of PyTorch's modules; the gates are in our order, and of its two biases one stays zero."""
    import torch

    *cells, kernel, bias = map(torch.tensor, weights(lstm.num_layers, lstm.hidden_size))
    with torch.no_grad():
        for layer in range(lstm.num_layers):
            w, u, b = cells[3 * layer : 3 * layer + 3]
            for name, value in (("weight_ih", w.T), ("weight_hh", u.T), ("bias_ih", b), ("bias_hh", 0 * b)):
                getattr(lstm, f"{name}_l{layer}").copy_(value)
            getattr(lstm, f"bias_hh_l{layer}").requires_grad = False
        head.weight.copy_(kernel.T)
        head.bias.copy_(bias)


def turns(make: Callable[[int], Losses], threads: int) -> Round:
    """A program's turn: all windows once more."""
    train = make(threads)
    return lambda: len(train())


SHARDED = "lstmzoo, native, two shards"
KINDS = {
    "lstmzoo": lstmzoo,
    "lstmzoo, native": partial(lstmzoo, kernel="native"),
    SHARDED: partial(lstmzoo, kernel="native", sharded=True),
    "PyTorch nn.LSTM": torch_loop,
}
PROGRAMS = {f"{size}: {name}": partial(make, *sizes) for size, sizes in SIZES.items() for name, make in KINDS.items()}
