"""The cadence of a run: when to validate, sample and save, how many windows to run until then. No TensorFlow."""

from typing import NamedTuple

from lstmzoo.config.plan import Plan
from lstmzoo.config.schedules import rate_at
from lstmzoo.system.clock import AwakeClock
from lstmzoo.training.run_state import RunState


class Cadence(NamedTuple):
    """Cadences and length of a run, asked with the counters that it has now."""

    plan: Plan
    run_state: RunState

    def is_finished(self) -> bool:
        """Tell whether no step is left to do."""
        return self.is_at_end() or self.has_stopped_early()

    def is_at_end(self) -> bool:
        """Tell whether the run has the length that was asked for."""
        budget = self.plan.resolved.train.time_budget
        if budget is not None:
            return self.run_state.train_seconds >= budget
        return self.run_state.position.step >= (self.plan.steps or 0)

    def has_stopped_early(self) -> bool:
        """Tell whether `patience` validations in a row brought no better val_loss."""
        patience = self.plan.resolved.validation.patience
        return patience is not None and self.run_state.is_validated and self.run_state.misses >= patience

    def status(self) -> str:
        """Name how a finished run ended."""
        return "completed" if self.is_at_end() else "stopped_early"

    def validation_due(self) -> bool:
        """Tell whether the model is to be validated after the present step."""
        return self._due(self.plan.resolved.validation.every_steps)

    def sample_due(self) -> bool:
        """Tell whether the model is to write a sample after the present step."""
        return self.plan.resolved.task.writes and self._due(self.plan.resolved.sample.every_steps)

    def checkpoint_due(self) -> bool:
        """Tell whether a checkpoint is to be written: at its cadence, for a new best, and at the end."""
        best, step = self.run_state.best, self.run_state.position.step
        is_best = best is not None and best.step == step
        return is_best or self.is_finished() or self._due(self.plan.resolved.checkpoint.every_steps)

    def _due(self, every: int) -> bool:
        return bool(every) and (self.run_state.position.step % every == 0 or self.is_finished())

    def windows_ahead(self) -> int:
        """Count the windows until the call is full, the epoch or the run ends, or something is due.

        At step 480 with validation every 500 steps, 100 windows a call and a long epoch: 20.
        """
        step, _, window = self.run_state.position
        until = [every - step % every for every in self.plan.resolved.cadences]
        if self.plan.steps is not None:
            until.append(self.plan.steps - step)
        return min(int(self.plan.resolved.execution.windows_per_call), self.plan.windows - window, *until)

    def rate(self, step: int) -> float:
        """Compute the learning rate of a step (from 1) of the present epoch."""
        train, epoch = self.plan.resolved.train, self.run_state.position.epoch
        return rate_at(train.schedule, train.optimizer.learning_rate, step, self.progress(step), epoch)

    def averaged(self, count: int, start: float) -> list[int]:
        """List how many steps an average of weights has after each of the next `count`; it begins at `start` (0 to 1).

        For example, 2 steps of a run of 8 after step 3 and with start 0.5: [0, 1].
        """
        found, steps = [], self.run_state.averaged or 0
        for step in range(self.run_state.position.step + 1, self.run_state.position.step + count + 1):
            steps = steps + 1 if self.progress(step) >= start else 0
            found.append(steps)
        return found

    def progress(self, step: int) -> float:
        """Compute the share of the run before a step (from 1), 0 to 1; where time bounds it, the share that is done."""
        return self.fraction() if self.plan.steps is None else (step - 1) / self.plan.steps

    def fraction(self) -> float:
        """Compute the share of the run that is done, 0 to 1."""
        budget = self.plan.resolved.train.time_budget
        if budget is not None:
            return min(1.0, self.run_state.train_seconds / budget)
        return min(1.0, self.run_state.position.step / (self.plan.steps or 1))


class Pace:
    """Speed of this process's part of a run, all that is done beside training included."""

    def __init__(self, cadence: Cadence, clock: AwakeClock):
        self.cadence, self.clock, self.begun, self.began = cadence, clock, cadence.fraction(), clock.seconds()

    def seconds_left(self) -> float:
        """Estimate the time to the end of the run."""
        fraction = self.cadence.fraction()
        done = max(fraction - self.begun, 1e-9)
        return (self.clock.seconds() - self.began) * (1 - fraction) / done
