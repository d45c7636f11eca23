"""The training loop: truncated back-propagation through time over windows in order, with the state carried."""

from typing import NoReturn

import numpy as np
import tf_keras as keras

from lstmzoo.config.optimizers import make_optimizer
from lstmzoo.config.plan import Plan
from lstmzoo.config.resets import RandomReset
from lstmzoo.errors import Diverged, Interrupted
from lstmzoo.execution.dropout import draw_resets
from lstmzoo.execution.engine import Execution
from lstmzoo.models.build import build_model
from lstmzoo.models.state import reset_states
from lstmzoo.report.views import find_viewer
from lstmzoo.runs.metrics import Line
from lstmzoo.system.clock import AwakeClock
from lstmzoo.system.signals import StopSignals
from lstmzoo.tasks.optional import sizes_of, words_of
from lstmzoo.tasks.task import Windows
from lstmzoo.training.average import Average
from lstmzoo.training.cadence import Cadence, Pace
from lstmzoo.training.checkpointer import Checkpointer
from lstmzoo.training.hosts.team import Team
from lstmzoo.training.progress import Moment, Progress
from lstmzoo.training.recorder import Recorder, SilentRecorder
from lstmzoo.training.run_state import for_people
from lstmzoo.training.samples import Samples
from lstmzoo.training.start import Start
from lstmzoo.training.validation import Validator


class Trainer:
    """One run while it trains; `run_state` says at any time how far it is."""

    def __init__(self, start: Start, progress: Progress, stop: StopSignals, team: Team):
        self.plan, self.run_state, self.pending = start.plan, start.run_state, start.is_pending
        self.progress, self.stop, self.team = progress, stop, team
        self.signal: int | None = None  # that stops the run on all workers
        self.task, self.spec = self.plan.task, self.plan.resolved.train
        self.carries, self.counted = self.spec.reset_state != "window", words_of(self.plan.resolved.task).steps
        self.begins_with_zeros = self.spec.reset_state not in ("never", "window")
        self.cadence = Cadence(self.plan, self.run_state)
        self.model = _model(self.plan)
        self.lanes = self.task.epoch_lanes(self.run_state.position.epoch)
        self.average = Average(self.cadence, self.model)
        self.execution = _execution(self.plan, self.model, team, self.carries, self._cut(0, 1), self.average)
        self.validator, self.samples = _validator(self.plan, self.execution), _samples(self.plan, self.model)
        self.checkpointer = Checkpointer(start, self.execution, team)
        self.recorder = Recorder(start, progress.say) if team.leads else SilentRecorder(start)
        self.clock = AwakeClock()
        self.pace = Pace(self.cadence, self.clock)

    def run(self) -> str:
        """Train to the end, or until something stops the run, and return the status; pictures show all steps."""
        try:
            with self.clock:
                self._run()
        except Diverged:
            self.recorder.draw(self.task.picture(), self.validator, last=True)
            raise
        finally:
            self.recorder.close()
        return self.cadence.status()

    def _run(self) -> None:
        self.stop.patient, self.pace = True, Pace(self.cadence, self.clock)
        if self.pending:
            self._finish([self.run_state.last])
        while not self.cadence.is_finished():
            if self._is_stopped():
                self._interrupt()
            self._finish(self._train_windows(self.cadence.windows_ahead()))

    def _finish(self, lines: list[Line]) -> None:
        """Do all that is due after some steps: validate, sample, record, draw, save.

        The order is that of what depends on what: metrics hold what validation found; pictures show the metrics; the
        checkpoint comes last, since it says that all this is done. A signal on the way leaves a pending checkpoint.
        """
        validated = self.cadence.validation_due()
        try:
            whole = self._look()
        finally:
            self.recorder.steps(lines)
        if not whole:
            self._interrupt(pending=True)
        finished = self.cadence.is_finished()
        if finished or (validated and self.stop.received is None):
            self.recorder.draw(self.task.picture(), self.validator, last=finished)
            self.progress.pictures(self.recorder.directory.plots)
        if self.pending or self.cadence.checkpoint_due():
            self.checkpointer.save()
        self.pending = False
        self.task.release()
        self.progress.show(self._moment())

    def _look(self) -> bool:
        """Validate and sample where that is due; False if a signal came on the way."""
        if self.validator is not None and self.cadence.validation_due() and not self._validate(self.validator):
            return False
        return self.samples is None or not self.cadence.sample_due() or self._sample(self.samples)

    def _validate(self, validator: Validator) -> bool:
        """Validate the model into the last step's line; False if a signal came on the way."""
        with self.average.in_model():
            measures = validator.measure(self._is_stopped)
        if measures is None:
            return False
        if not np.isfinite(measures["val_loss"]):
            self.checkpointer.diverge(f"the validation loss after {self.run_state.place()}")
        self.run_state.measured(measures)
        found = "  ".join(f"{name} {value:.6g}" for name, value in for_people(measures).items())
        self.progress.say(f"step {self.run_state.position.step:,}: {found}")
        return True

    def _sample(self, samples: Samples) -> bool:
        """Let the model write, and show it; False if a signal came on the way."""
        step = self.run_state.position.step
        with self.average.in_model():
            text = samples.draw(step, self._is_stopped)
        if text is None:
            return False
        self.recorder.sample(step, text)
        self.progress.say(f"sample after step {step:,}:\n{text.decode('utf-8', 'backslashreplace')}\n")
        return True

    def _train_windows(self, count: int) -> list[Line]:
        """Train on the next windows of the epoch, and return their lines for metrics.jsonl."""
        step, _, first = self.run_state.position
        if first == 0:
            self._begin_epoch()
        inputs, targets, weights, resets = self._cut(first, count)
        rates = np.array([self.cadence.rate(step + k) for k in range(1, count + 1)])
        shares = self.average.advance(count)
        start = self.clock.seconds()
        losses = self.execution.train(inputs, targets, rates, self.carries, weights, resets, shares)
        counted = None if weights is None else np.array([window.any() for window in weights])
        return self._account(losses, rates, counted, self.team.clock(self.clock.seconds() - start))

    def _cut(self, first: int, count: int) -> Windows:
        """Cut windows of the epoch, with the lanes that begin them with zero state."""
        windows, rule = self.lanes.cut(self.spec.seq_length, first, count), self.spec.reset_state
        if not isinstance(rule, RandomReset):
            return windows
        step, lanes = self.run_state.position.step, self.spec.batch_size
        drawn = draw_resets(self.plan.resolved.seed, step, count, lanes, rule.probability)
        return windows._replace(resets=drawn if windows.resets is None else drawn | windows.resets)

    def _begin_epoch(self) -> None:
        self.run_state.begin_epoch()
        self.lanes = self.task.epoch_lanes(self.run_state.position.epoch)
        if self.begins_with_zeros:
            reset_states(self.model)

    def _account(self, losses: np.ndarray, rates: np.ndarray, counted: np.ndarray | None, seconds: float) -> list[Line]:
        """Count the steps whose loss is finite; any other loss ends the run."""
        step, epoch, window = self.run_state.position
        good = len(losses) if np.isfinite(losses).all() else int(np.argmin(np.isfinite(losses)))
        self.run_state.train_seconds += seconds
        lines = self.run_state.advance(losses[:good], rates[:good], self.plan.windows, counted)
        if good < len(losses):
            self.recorder.steps(lines)
            where = f"(epoch {epoch + 1}, window {window + good + 1})"
            self.checkpointer.diverge(f"the loss of step {step + good + 1} {where}")
        symbols = good * self.spec.batch_size * self.spec.seq_length
        lines[-1] |= {"elapsed_seconds": self.run_state.train_seconds, "symbols_per_second": symbols / seconds}
        return lines

    def _is_stopped(self) -> bool:
        """Ask all workers for a signal; they all ask, at the same places."""
        self.signal = self.team.stopped(self.stop.received)
        return self.signal is not None

    def _interrupt(self, pending: bool = False) -> NoReturn:
        step = self.run_state.position.step
        self.checkpointer.save_before_leaving(pending)
        saved = ", which is saved: go on with --resume (in Python: resume=True)" if step else ""
        assert self.signal is not None
        raise Interrupted(self.signal, f"stopped by a signal after step {step:,}{saved}")

    def _moment(self) -> Moment:
        step, epoch, window = self.run_state.position
        per_second = step / self.run_state.train_seconds
        symbols = per_second * self.spec.batch_size * self.spec.seq_length
        loss, left = self.recorder.curve.recent, self.pace.seconds_left()
        fraction = self.cadence.fraction()
        return Moment(
            step, self.plan.steps, epoch + (window > 0), fraction, loss, per_second, symbols, left, self.counted
        )


def _model(plan: Plan) -> keras.Model:
    experiment = plan.resolved
    return build_model(
        experiment.model,
        **sizes_of(plan.task)._asdict(),
        encoding=experiment.model.encoding,
        batch_size=experiment.train.batch_size,
        seq_length=experiment.train.seq_length,
        seed=experiment.seed,
    )


def _execution(
    plan: Plan, model: keras.Model, team: Team, carries: bool, windows: Windows, average: Average
) -> Execution:
    """Make the execution of a run, traced and compiled for windows of these shapes."""
    how, seed, train = plan.resolved.execution, plan.resolved.seed, plan.resolved.train
    optimizer = make_optimizer(train.optimizer, train.grad_clip_norm, train.grad_clip_value)
    sizes = int(how.windows_per_call), int(how.shards)
    execution = Execution(model, optimizer, how.kernel, seed, *sizes, team.replicas, plan.task.loss, average.weights)
    execution.prepare(windows, carries)
    return execution


def _validator(plan: Plan, execution: Execution) -> Validator | None:
    make_viewer, per_call = find_viewer(plan.task.picture()), int(plan.resolved.execution.windows_per_call)
    if not plan.resolved.validation.every_steps:
        return None
    return Validator(plan.task, execution, plan.resolved.train.seq_length, per_call, make_viewer)


def _samples(plan: Plan, model: keras.Model) -> Samples | None:
    vocabulary = plan.task.vocabulary
    return None if vocabulary is None or not plan.resolved.sample.every_steps else Samples(plan, vocabulary, model)
