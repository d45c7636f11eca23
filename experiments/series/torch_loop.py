"""The loop that people write with PyTorch: an nn.LSTM and a linear layer, the state carried and detached."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rows import Step

from lstmzoo.config.experiment import Experiment, TrainSpec
from lstmzoo.tasks.series.recordings import Part


class Net(torch.nn.Module):
    """The net of a description: one layer, its head, and the inputs' own way to the outputs if it has one."""

    def __init__(self, experiment: Experiment, inputs: int, outputs: int):
        super().__init__()
        (units,) = experiment.model.layers
        self.lstm, self.head = torch.nn.LSTM(inputs, units, batch_first=True), torch.nn.Linear(units, outputs)
        self.skip = torch.nn.Linear(inputs, outputs, bias=False) if experiment.model.skip else None

    def forward(self, x: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Outputs `[B, n, M]` and the next state."""
        hidden, state = self.lstm(x, state)
        outputs = self.head(hidden)
        return outputs if self.skip is None else outputs + self.skip(x), state


def trained(experiment: Experiment, part: Part, steps: int, path: Path) -> Step:
    """Train on the windows of a run, unless `path` has the weights already."""
    torch.set_num_threads(1)
    torch.manual_seed(experiment.seed)
    scaling = part.scaling
    net = Net(experiment, len(scaling.features), len(scaling.targets))
    if path.exists():
        net.load_state_dict(torch.load(path))
    else:
        train(net, experiment.train, part, steps)
        torch.save(net.state_dict(), path)
    return as_step(net)


def train(net: Net, recipe: TrainSpec, part: Part, steps: int) -> None:
    """Train with a run's recipe: Adam, a cosine, clipped gradients, so many steps."""
    inputs, targets, weights, resets = map(torch.from_numpy, part.windows(0, part.layout.windows))
    adam = recipe.optimizer
    optimizer = torch.optim.Adam(net.parameters(), adam.learning_rate, (adam.beta_1, adam.beta_2), adam.epsilon)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
    state = [torch.zeros(1, inputs.shape[1], net.lstm.hidden_size) for _ in "hc"]
    for step in range(steps):
        window = step % len(inputs)
        state = [torch.where(resets[window][None, :, None], 0, each.detach()) for each in state]
        outputs, state = net(inputs[window], state)
        weight = weights[window]
        loss = (weight * (outputs - targets[window]) ** 2).sum() / weight.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), recipe.grad_clip_norm)
        optimizer.step()
        schedule.step()


def as_step(net: Net) -> Step:
    """The trained net as a function of arrays."""

    @torch.no_grad()
    def step(inputs: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        outputs, state = net(torch.tensor(inputs, dtype=torch.float32), state)
        return outputs.numpy(), state

    return step
