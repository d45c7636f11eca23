"""What is due when in a run: a function of the plan and of where the run stands. No TensorFlow."""

from typing import NamedTuple

from lstmzoo.config.plan import Plan
from lstmzoo.config.schedules import rate_at
from lstmzoo.training.run_state import RunState


class Cadence(NamedTuple):
    """The cadences and the length of a run, asked about where it stands."""

    plan: Plan
    standing: RunState

    def is_finished(self) -> bool:
        """Whether no step is left to do."""
        return self.is_at_end() or self.has_stopped_early()

    def is_at_end(self) -> bool:
        """Whether the run is as long as it was meant to be."""
        budget = self.plan.resolved.train.time_budget
        if budget is not None:
            return self.standing.train_seconds >= budget
        return self.standing.position.step >= (self.plan.steps or 0)

    def has_stopped_early(self) -> bool:
        """Whether the last validation was the one too many in a row without a better val_loss."""
        patience = self.plan.resolved.validation.patience
        return patience is not None and self.standing.is_validated and self.standing.misses >= patience

    def status(self) -> str:
        """How a finished run ended."""
        return "completed" if self.is_at_end() else "stopped_early"

    def validation_due(self) -> bool:
        """Whether the model is to be validated as it is, after the present step."""
        return self._due(self.plan.resolved.validation.every_steps)

    def sample_due(self) -> bool:
        """Whether the model is to write, after the present step."""
        return self.plan.resolved.task.writes and self._due(self.plan.resolved.sample.every_steps)

    def checkpoint_due(self) -> bool:
        """Whether a checkpoint is: at its cadence, for a new best, and at the end."""
        best, step = self.standing.best, self.standing.position.step
        is_best = best is not None and best.step == step
        return is_best or self.is_finished() or self._due(self.plan.resolved.checkpoint.every_steps)

    def _due(self, every: int) -> bool:
        return bool(every) and (self.standing.position.step % every == 0 or self.is_finished())

    def windows_ahead(self) -> int:
        """Windows until the call is full, the epoch or the run ends, or something is due."""
        step, _, window = self.standing.position
        until = [every - step % every for every in self.plan.resolved.cadences]
        if self.plan.steps is not None:
            until.append(self.plan.steps - step)
        return min(int(self.plan.resolved.execution.windows_per_call), self.plan.windows - window, *until)

    def rate(self, step: int) -> float:
        """Learning rate of a step (from 1) of the present epoch."""
        train, epoch = self.plan.resolved.train, self.standing.position.epoch
        progress = self.fraction() if self.plan.steps is None else (step - 1) / self.plan.steps
        return rate_at(train.schedule, train.optimizer.learning_rate, step, progress, epoch)

    def fraction(self) -> float:
        """Share of the run that is done."""
        budget = self.plan.resolved.train.time_budget
        if budget is not None:
            return min(1.0, self.standing.train_seconds / budget)
        return min(1.0, self.standing.position.step / (self.plan.steps or 1))
