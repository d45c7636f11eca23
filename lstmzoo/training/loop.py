"""Truncated back-propagation through time: windows in order, state carried, and a run directory that tells of it."""

import json
import time
from typing import NoReturn

import numpy as np

from lstmzoo.config.differences import as_text, settings_of
from lstmzoo.config.optimizers import make_optimizer
from lstmzoo.data.lanes import cut_windows
from lstmzoo.errors import Diverged, Interrupted
from lstmzoo.execution.engine import Execution
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw_tf import GraphSampler
from lstmzoo.models.build import build_model
from lstmzoo.models.state import reset_states
from lstmzoo.runs.checkpoint import NAME, prune_checkpoints, save_checkpoint
from lstmzoo.runs.metrics import Line
from lstmzoo.system.signals import StopSignals
from lstmzoo.training.cadence import Cadence
from lstmzoo.training.progress import Moment, Progress
from lstmzoo.training.recorder import Recorder
from lstmzoo.training.snapshot import not_finite, restore_snapshot, take_snapshot
from lstmzoo.training.start import Start, digests
from lstmzoo.training.validation import Validator

SAMPLES = 2  # a stream of random numbers beside those of the data


class Trainer:
    """One run in the making; `start.standing` tells at any time how far it is."""

    def __init__(self, start: Start, progress: Progress, stop: StopSignals):
        self.plan, self.directory, self.standing = start.plan, start.directory, start.standing
        self.progress, self.stop, self.pending = progress, stop, start.is_pending
        self.experiment, self.task, self.agenda = self.plan.resolved, self.plan.task, Cadence(self.plan, self.standing)
        self.spec = self.experiment.train
        self.model = build_model(
            self.experiment.model,
            vocab_size=self.task.vocab_size,
            encoding=self.experiment.model.encoding,
            batch_size=self.spec.batch_size,
            seq_length=self.spec.seq_length,
            seed=self.experiment.seed,
        )
        self.optimizer = make_optimizer(self.spec.optimizer, self.spec.grad_clip_norm)
        self.execution = self._execution()
        self.validator, self.sampler = self._validator(), self._sampler()
        self.notes = {"settings": as_text(settings_of(self.experiment)), **digests(self.plan)}
        self.saved = self.standing.position.step
        if start.checkpoint is not None:
            restore_snapshot(self.model, self.optimizer, start.checkpoint.tensors)
        self.record = Recorder(self.directory, self.experiment.name, start.curve, self.plan.loss_floor, start.pictures)
        self.lanes = self.task.epoch_lanes(self.standing.position.epoch)
        self.began, self.begun = time.monotonic(), self.agenda.fraction()

    def run(self) -> str:
        """Train to the end of the run, or to what stops it; the pictures show all that was reached."""
        try:
            self._run()
        except Diverged:
            if self.record.curve.steps:
                self.record.draw(self.experiment.task, self.validator, last=True)
            raise
        finally:
            self.record.close()
        return self.agenda.status()

    def _run(self) -> None:
        self.stop.patient, self.began = True, time.monotonic()
        if self.pending:
            self._finish([self.standing.last])
        while not self.agenda.is_finished():
            if self.stop.received is not None:
                self._interrupt(self.stop.received)
            self._finish(self._train_windows(self.agenda.windows_ahead()))

    def _finish(self, lines: list[Line]) -> None:
        """All that is due after some steps."""
        validated = self.agenda.validation_due()
        try:
            whole = self._look(lines[-1])
        finally:
            self.record.steps(lines)
        if not whole and self.stop.received is not None:
            self._interrupt(self.stop.received, pending=True)
        finished = self.agenda.is_finished()
        if finished or (
            validated and self.stop.received is None
        ):  # before the last checkpoint: it says that all is done
            self.record.draw(self.experiment.task, self.validator, last=finished)
        if self.pending or self.agenda.checkpoint_due():
            self._save()
        self.pending = False
        self.task.release()
        self.progress.show(self._moment())

    def _look(self, line: Line) -> bool:
        """Validate and sample where that is due; False if a signal came on the way."""
        if self.validator is not None and self.agenda.validation_due() and not self._validate(self.validator):
            return False
        return self.sampler is None or not self.agenda.sample_due() or self._sample(self.sampler)

    def _execution(self) -> Execution:
        how, seed = self.experiment.execution, self.experiment.seed
        sizes = int(how.windows_per_call), int(how.threads)
        execution = Execution(self.model, self.optimizer, how.kernel, seed, *sizes)
        execution.prepare(self.spec.seq_length, self._carries())
        return execution

    def _carries(self) -> bool:
        return self.spec.reset_state != "window"

    def _validator(self) -> Validator | None:
        if not self.experiment.validation.every_steps:
            return None
        per_call = int(self.experiment.execution.windows_per_call)
        return Validator(self.task, self.execution, self.spec.seq_length, per_call)

    def _sampler(self) -> GraphSampler | None:
        spec = self.experiment.sample
        if self.task.vocabulary is None or not spec.every_steps:
            return None
        return GraphSampler(self.model, Choice(spec.temperature))

    def _train_windows(self, count: int) -> list[Line]:
        """Train on the next windows of the epoch, and return their lines for metrics.jsonl."""
        step, _, first = self.standing.position
        if first == 0:
            self._begin_epoch()
        inputs = cut_windows(self.lanes.inputs, self.spec.seq_length, first, count)
        targets = cut_windows(self.lanes.targets, self.spec.seq_length, first, count)
        rates = np.array([self.agenda.rate(step + k) for k in range(1, count + 1)])
        start = time.perf_counter()
        losses = self.execution.train(inputs, targets, rates, self._carries())
        return self._account(losses, rates, time.perf_counter() - start)

    def _begin_epoch(self) -> None:
        self.standing.begin_epoch()
        self.lanes = self.task.epoch_lanes(self.standing.position.epoch)
        if self.spec.reset_state == "epoch":
            reset_states(self.model)

    def _account(self, losses: np.ndarray, rates: np.ndarray, seconds: float) -> list[Line]:
        """Move on by the steps whose loss is finite; any other one ends the run."""
        step, epoch, window = self.standing.position
        good = len(losses) if np.isfinite(losses).all() else int(np.argmin(np.isfinite(losses)))
        self.standing.train_seconds += seconds
        lines = self.standing.advance(losses[:good], rates[:good], self.plan.windows)
        if good < len(losses):
            self.record.steps(lines)
            self._diverge(f"the loss of step {step + good + 1} (epoch {epoch + 1}, window {window + good + 1})")
        symbols = good * self.spec.batch_size * self.spec.seq_length
        lines[-1] |= {"elapsed_seconds": self.standing.train_seconds, "symbols_per_second": symbols / seconds}
        return lines

    def _validate(self, validator: Validator) -> bool:
        """Measure the model as it is into the last step's line; False if a signal came on the way."""
        measures = validator.measure(lambda: self.stop.received is not None)
        if measures is None:
            return False
        if not np.isfinite(measures["val_loss"]):
            self._diverge(f"the validation loss after {self._place()}")
        self.standing.measured(measures)
        found = "  ".join(f"{name} {value:.6g}" for name, value in measures.items())
        self.progress.say(f"step {self.standing.position.step:,}: {found}")
        return True

    def _sample(self, sampler: GraphSampler) -> bool:
        """Let the model write from zero state, with random numbers of its own; False if a signal came on the way."""
        vocabulary, step, pieces = self.task.vocabulary, self.standing.position.step, []
        assert vocabulary is not None
        for piece in sampler.draw(self.experiment.sample.length, (self.experiment.seed, SAMPLES, step)):
            if self.stop.received is not None:
                return False
            pieces.append(piece[:, 0])
        text = vocabulary.decode(np.concatenate(pieces))
        self.record.sample(step, text)
        self.progress.say(f"sample after step {step:,}:\n{text.decode('utf-8', 'backslashreplace')}\n")
        return True

    def _save(self, pending: bool = False) -> None:
        """One checkpoint; older ones go, but for the best. `pending`: what is due after the step was not all done."""
        tensors = take_snapshot(self.model, self.optimizer) | self.standing.tensors()
        broken = not_finite(tensors)
        if broken:
            self._diverge(f"{broken[0]} after {self._place()}")
        step, best = self.standing.position.step, self.standing.best
        left = {"pending": json.dumps(self.standing.last)} if pending else {}
        self.directory.check_claim()
        self.directory.metrics.flush()
        save_checkpoint(
            self.directory.checkpoints / NAME.format(step),
            tensors,
            {"train_seconds": repr(self.standing.train_seconds), **self.notes, **left},
        )
        self.saved = step
        kept = self.experiment.checkpoint.keep
        prune_checkpoints(self.directory.checkpoints, kept, step, best.step if best else None)

    def _interrupt(self, signum: int, pending: bool = False) -> NoReturn:
        step = self.standing.position.step
        if pending or step > self.saved:
            self._save(pending)
        saved = ", which is saved: go on with --resume" if step else ""
        raise Interrupted(signum, f"stopped by a signal after step {step:,}{saved}")

    def _diverge(self, what: str) -> NoReturn:
        kept = f"the checkpoint of step {self.saved} is intact" if self.saved else "no checkpoint was written yet"
        advice = "lower train.optimizer.learning_rate or set train.grad_clip_norm"
        raise Diverged(f"{what} is not finite: {advice} ({kept})")

    def _place(self) -> str:
        step, epoch, window = self.standing.position
        return f"step {step} (epoch {epoch + 1}, window {window})"

    def _moment(self) -> Moment:
        fraction, (step, epoch, window) = self.agenda.fraction(), self.standing.position
        done = max(fraction - self.begun, 1e-9)
        left = (time.monotonic() - self.began) * (1 - fraction) / done  # with validation and all else
        per_second = step / self.standing.train_seconds
        symbols = per_second * self.spec.batch_size * self.spec.seq_length
        loss = self.record.curve.recent
        return Moment(step, self.plan.steps, epoch + (window > 0), fraction, loss, per_second, symbols, left)
