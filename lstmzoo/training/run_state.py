"""Counters of a run: steps, epochs, sums, best loss; for result.json and checkpoints. No TensorFlow."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.config.plan import Plan
from lstmzoo.runs.best import AVERAGE_STEPS, is_before_average, is_better
from lstmzoo.runs.contents import AVERAGED
from lstmzoo.runs.metrics import Line
from lstmzoo.tasks.optional import words_of


class Position(NamedTuple):
    """Position in a run: steps done, epochs done, windows done of the present epoch."""

    step: int = 0
    epoch: int = 0
    window: int = 0

    def after(self, count: int, windows: int) -> "Position":
        """Return the position `count` steps later, in epochs of so many windows."""
        window = self.window + count
        return Position(self.step + count, self.epoch + window // windows, window % windows)


class Best(NamedTuple):
    """The lowest validation loss so far (nats a symbol), and the step it was measured after."""

    step: int
    val_loss: float


def for_people(line: Mapping[str, float]) -> dict[str, float]:
    """Return what a validation found, without the numbers of each of several targets."""
    return {name: value for name, value in line.items() if name.startswith("val_") and "/" not in name}


class RunState:
    """Counters, sums and the best so far; all but `train_seconds` are a function of config, seed and step."""

    def __init__(self) -> None:
        self.position = Position()
        self.best: Best | None = None
        self.misses = 0  # validations in a row without a better val_loss
        self.epoch_loss, self.epoch_steps = 0.0, 0  # of the present epoch: its mean is what the loss floor is about
        self.last: Line = {}  # the last step's line in metrics.jsonl
        self.best_line: Line = {}  # that of the best step
        self.last_loss: float | None = None  # of the last step that has one
        self.train_seconds = 0.0
        self.averaged: int | None = None  # steps in the average of weights; 0: it has not begun; None: there is none

    def begin_epoch(self) -> None:
        """Set the sums of the epoch to zero."""
        self.epoch_loss, self.epoch_steps = 0.0, 0

    def advance(
        self, losses: np.ndarray, rates: np.ndarray, windows: int, counted: np.ndarray | None = None
    ) -> list[Line]:
        """Count some steps, in epochs of so many windows, and return their lines for metrics.jsonl.

        `counted` `[K]`: False for a window without a target that counts, which has no loss; None: all have.
        """
        step, epoch, _ = self.position
        lines: list[Line] = []
        for k, (loss, rate) in enumerate(zip(losses.tolist(), rates.tolist(), strict=True)):
            found = {"train_loss": loss} if counted is None or counted[k] else {}
            lines.append({"step": step + 1 + k, "epoch": epoch + 1, **found, "learning_rate": rate})
            if found:  # one by one: how many steps a call takes must not change the sum
                self.epoch_loss, self.epoch_steps = self.epoch_loss + loss, self.epoch_steps + 1
                self.last_loss = loss
        self.position = self.position.after(len(lines), windows)
        self.last = lines[-1] if lines else self.last
        return lines

    def measured(self, measures: Mapping[str, float]) -> None:
        """Add the numbers of a validation to the last line; only a strictly better val_loss replaces the best.

        What is validated before an average of weights has begun is no best.
        """
        if self.is_validated:  # before a signal cut short what comes after
            return
        self.last |= measures
        if self.averaged is not None:
            self.last[AVERAGE_STEPS] = self.averaged
        if is_before_average(self.last):
            return
        self.misses += 1
        if is_better(measures["val_loss"], self.best.val_loss if self.best else None):
            self.best, self.misses = Best(self.position.step, measures["val_loss"]), 0
            self.best_line = self.last

    def forget_average(self) -> None:
        """Set the average of weights, and the best that it had, to those of a run in which it has not begun."""
        self.averaged, self.best, self.misses = 0, None, 0

    def seen(self, line: Line) -> None:
        """Take the line of a step that was done before, the last one so far."""
        self.last, self.last_loss = line, line.get("train_loss", self.last_loss)
        if self.best is not None and line["step"] == self.best.step:
            self.best_line = line

    def place(self) -> str:
        """Name the step, epoch and window that were done last, for a message."""
        step, epoch, window = self.position
        return f"step {step} (epoch {epoch + 1}, window {window})"

    @property
    def is_validated(self) -> bool:
        """True if the validation after the last step is done."""
        return "val_loss" in self.last

    def result(self, plan: Plan, status: str) -> dict[str, Any]:
        """Return the content of result.json."""
        train, more = plan.resolved.train, plan.task.results(self.last, self.best_line)
        symbols = self.position.step * train.batch_size * train.seq_length
        return {
            "status": status,
            "steps": self.position.step,
            "epochs": self.position.epoch,
            "parameters": plan.parameters,
            "seed": plan.resolved.seed,
            "final": {
                "train_loss": self.last_loss,
                "epoch_train_loss": self.epoch_loss / self.epoch_steps if self.epoch_steps else None,
                "val_loss": None,
                **for_people(self.last),
                **more.pop("final", {}),
            },
            "best": {**self.best._asdict(), **more.pop("best", {})} if self.best else None,
            **more,
            "loss_floor": plan.loss_floor,
            "dropped_symbols": plan.dropped,
            "counted": words_of(plan.resolved.task).steps,
            "train_seconds": self.train_seconds,
            "symbols_per_second": symbols / self.train_seconds if self.train_seconds else None,
        }

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the counters as tensors; `last` stands in metrics.jsonl, `train_seconds` in the metadata."""
        best = self.best or Best(-1, float(np.finfo(np.float64).max))
        averaged = {} if self.averaged is None else {AVERAGED: np.array(self.averaged, np.int64)}
        return averaged | {
            "position": np.array(self.position, np.int64),
            "best/step": np.array(best.step, np.int64),
            "best/val_loss": np.array(best.val_loss, np.float64),
            "early_stopping/misses": np.array(self.misses, np.int64),
            "epoch/loss": np.array(self.epoch_loss, np.float64),
            "epoch/steps": np.array(self.epoch_steps, np.int64),
        }

    @classmethod
    def restored(cls, tensors: Mapping[str, np.ndarray], train_seconds: float) -> "RunState":
        """Make the counters from the tensors of a checkpoint."""
        run_state = cls()
        run_state.position = Position(*(int(part) for part in tensors["position"]))
        step, loss = int(tensors["best/step"]), float(tensors["best/val_loss"])
        run_state.best = None if step < 0 else Best(step, loss)
        run_state.misses = int(tensors["early_stopping/misses"])
        run_state.epoch_loss, run_state.epoch_steps = float(tensors["epoch/loss"]), int(tensors["epoch/steps"])
        run_state.averaged = int(tensors[AVERAGED]) if AVERAGED in tensors else None
        run_state.train_seconds = train_seconds
        return run_state
