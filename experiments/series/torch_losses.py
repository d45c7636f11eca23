"""Write what PyTorch's own regression loop computes: `python experiments/series/torch_losses.py` (needs torch).

200 windows of 4 lanes, with weights, targets that lack, and lanes that start from zero, each loss from the same
weights, in float64: losses, and the gradients of the first window. `tests/execution/test_numbers.py` compares ours.
Weights are in Keras's layout, data are integers of 1/32 each.
"""

from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).parents[2] / "tests" / "reference" / "numbers_torch.npz"
WINDOWS, LANES, LENGTH, INPUTS, OUTPUTS, UNITS = 200, 4, 8, 3, 2, 5
LOSSES = {"mse": torch.nn.MSELoss, "mae": torch.nn.L1Loss, "huber": torch.nn.HuberLoss}


def made() -> dict[str, np.ndarray]:
    """Draw data and weights: a target is a sine of what came before; a third have no weight, and all of window 9."""
    rng = np.random.default_rng(0)
    x = rng.integers(-64, 64, (WINDOWS, LANES, LENGTH, INPUTS)).astype(np.int8)
    along = np.cumsum(x.swapaxes(0, 1).reshape(LANES, -1, INPUTS) / 32, axis=1)
    y = np.round(64 * np.sin(along[..., :OUTPUTS])).astype(np.int8)
    y = y.reshape(LANES, WINDOWS, LENGTH, OUTPUTS).swapaxes(0, 1)
    weights = rng.integers(0, 3, y.shape).astype(np.uint8)
    weights[9] = 0
    shapes = [(INPUTS, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,), (UNITS, OUTPUTS), (OUTPUTS,)]
    init = {f"init_{number}": rng.normal(0, 0.4, shape).astype(np.float32) for number, shape in enumerate(shapes)}
    return {"x": x, "y": y, "weights": weights, "resets": rng.random((WINDOWS, LANES)) < 0.1, **init}


def trained(data: dict[str, np.ndarray], loss: str) -> tuple[list[float], list[np.ndarray]]:
    """Train by truncated back-propagation; return each window's loss, and the first gradients in Keras's layout."""
    lstm, head = torch.nn.LSTM(INPUTS, UNITS, batch_first=True).double(), torch.nn.Linear(UNITS, OUTPUTS).double()
    kernel, recurrent, bias, *dense = (torch.tensor(data[f"init_{number}"]).double() for number in range(5))
    with torch.no_grad():
        for part, value in zip(lstm.parameters(), (kernel.T, recurrent.T, bias, 0 * bias), strict=True):
            part.copy_(value)
        head.weight.copy_(dense[0].T)
        head.bias.copy_(dense[1])
    lstm.bias_hh_l0.requires_grad_(False)  # Keras has one bias
    parts = [lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, head.weight, head.bias]
    optimizer, found, gradients = torch.optim.SGD(parts, 0.05, momentum=0.9), [], []
    state = [torch.zeros(1, LANES, UNITS, dtype=torch.float64) for _ in "hc"]
    for x, y, weights, resets in zip(
        *(torch.tensor(data[key]) for key in ("x", "y", "weights", "resets")), strict=True
    ):
        state = [torch.where(resets[None, :, None], 0, part.detach()) for part in state]
        outputs, state = lstm(x.double() / 32, state)
        each = LOSSES[loss](reduction="none")(head(outputs), y.double() / 32)
        total = (weights * each).sum() / max(int(weights.sum()), 1)
        optimizer.zero_grad()
        total.backward()
        gradients = gradients or [part.grad.numpy().T.copy() for part in parts]
        optimizer.step()
        found.append(total.item())
    return found, gradients


def main() -> None:
    """Write data, weights, and losses and gradients of each loss."""
    found = made()
    for loss in LOSSES:
        losses, gradients = trained(found, loss)
        found |= {f"loss_{loss}": np.array(losses)}
        found |= {f"gradient_{loss}_{number}": part for number, part in enumerate(gradients)}
    np.savez_compressed(OUT, **found)
    print(
        f"{OUT.name}: {OUT.stat().st_size:,} bytes; last losses", {loss: found[f"loss_{loss}"][-1] for loss in LOSSES}
    )


if __name__ == "__main__":
    main()
