"""Truncated back-propagation through time: windows in order, state carried, and a run directory that tells of it."""

import time
from typing import Any, NoReturn

import numpy as np

from lstmzoo.checkpoint import NAME, prune_checkpoints, save_checkpoint
from lstmzoo.choice import Choice
from lstmzoo.data import cut_windows
from lstmzoo.errors import Diverged, Interrupted
from lstmzoo.execution import Execution
from lstmzoo.model import build_model
from lstmzoo.optimizers import make_optimizer, rate_at
from lstmzoo.plan import Plan
from lstmzoo.progress import Moment, Progress, printable
from lstmzoo.record import Record
from lstmzoo.rundir import RunDirectory
from lstmzoo.sampler import Sampler
from lstmzoo.signals import StopSignals
from lstmzoo.snapshot import Best, Position, not_finite, take_snapshot
from lstmzoo.state import reset_states
from lstmzoo.validation import Validator

Lines = list[dict[str, Any]]
SAMPLES = 2  # a stream of random numbers beside those of the data


class Training:
    """One run in the making."""

    def __init__(
        self, plan: Plan, directory: RunDirectory, progress: Progress, stop: StopSignals, result: dict[str, Any]
    ):
        self.plan, self.directory, self.progress, self.stop, self.result = plan, directory, progress, stop, result
        self.experiment = plan.resolved
        self.spec = self.experiment.train
        self.per_call = int(self.experiment.execution.windows_per_call)
        self.task = plan.task
        self.model = build_model(
            self.experiment.model,
            vocab_size=self.task.vocab_size,
            encoding=self.experiment.model.encoding,
            batch_size=self.spec.batch_size,
            seq_length=self.spec.seq_length,
            seed=self.experiment.seed,
        )
        self.optimizer = make_optimizer(self.spec.optimizer, self.spec.grad_clip_norm)
        kernel, threads = self.experiment.execution.kernel, int(self.experiment.execution.threads)
        self.execution = Execution(self.model, self.optimizer, kernel, self.experiment.seed, self.per_call, threads)
        self.execution.prepare(self.spec.seq_length, self._carries())
        self.validator, self.sampler = self._validator(), self._sampler()
        self.record = Record(directory, self.experiment.name, self.task.vocab_size, plan.loss_floor)
        self.lanes = self.task.epoch_lanes(0)
        self.position, self.train_seconds, self.saved = Position(), 0.0, 0
        self.best: Best | None = None
        self.epoch_loss, self.epoch_steps = 0.0, 0  # of the present epoch: its mean is what the loss floor is about
        self.last: dict[str, Any] = {}  # the last step's line in metrics.jsonl
        self.measures: dict[str, float] = {}  # of the last validation
        self.began = time.monotonic()
        self._note_result()

    def run(self) -> None:
        """Train to the end of the run, or to what stops it; the pictures show all that was reached."""
        try:
            self._run()
        except Diverged:
            if len(self.record.losses):
                self.record.draw(self.experiment.task, self.validator, last=True)
            raise
        finally:
            self.record.close()

    def _run(self) -> None:
        self.stop.patient, self.began = True, time.monotonic()
        while not self._finished():
            if self.stop.received is not None:
                self._interrupt(self.stop.received)
            lines = self._train_windows(self._windows_to_next_event())
            try:
                validated = self._due(self.experiment.validation.every_steps) and self._validate(lines[-1])
                if self.sampler is not None and self._due(self.experiment.sample.every_steps):
                    self._sample(self.sampler)
            finally:
                self.record.steps(lines)
            if self._checkpoint_due():
                self._save()
            if (validated or self._finished()) and self.stop.received is None:
                self.record.draw(self.experiment.task, self.validator, last=self._finished())
            self.task.release()
            self.progress.show(self._moment())
        if self.stop.received is not None and not self._complete():
            self._interrupt(self.stop.received)

    def _note_result(self) -> None:
        """Keep the result true, whatever ends the run."""
        symbols = self.position.step * self.spec.batch_size * self.spec.seq_length
        self.result |= {
            "steps": self.position.step,
            "epochs": self.position.epoch,
            "final": {
                "train_loss": self.last.get("train_loss"),
                "epoch_train_loss": self.epoch_loss / self.epoch_steps if self.epoch_steps else None,
                "val_loss": None,
                **self.measures,
            },
            "best": self.best._asdict() if self.best else None,
            "train_seconds": self.train_seconds,
            "symbols_per_second": symbols / self.train_seconds if self.train_seconds else None,
        }

    def _carries(self) -> bool:
        return self.spec.reset_state != "window"

    def _validator(self) -> Validator | None:
        validate = self.experiment.validation
        if not validate.every_steps:
            return None
        return Validator(self.task, self.execution, self.spec.seq_length, self.per_call)

    def _sampler(self) -> Sampler | None:
        spec = self.experiment.sample
        if self.task.vocabulary is None or not spec.every_steps:
            return None
        return Sampler(self.model, Choice(spec.temperature))

    def _finished(self) -> bool:
        if self.result["status"] == "stopped_early":
            return True
        if self.spec.time_budget is not None:
            return self.train_seconds >= self.spec.time_budget
        return self.position.step >= (self.plan.steps or 0)

    def _complete(self) -> bool:
        """Whether the last step has every number that it should have."""
        return not self.experiment.validation.every_steps or "val_loss" in self.last

    def _due(self, every: int) -> bool:
        return bool(every) and (self.position.step % every == 0 or self._finished())

    def _checkpoint_due(self) -> bool:
        new_best = self.best is not None and self.best.step == self.position.step
        return new_best or self._finished() or self._due(self.experiment.checkpoint.every_steps)

    def _windows_to_next_event(self) -> int:
        """Windows until the call is full, the epoch or the run ends, or something is due."""
        until = [every - self.position.step % every for every in self.experiment.cadences]
        if self.plan.steps is not None:
            until.append(self.plan.steps - self.position.step)
        return min(self.per_call, self.plan.windows - self.position.window, *until)

    def _train_windows(self, count: int) -> Lines:
        """Train on the next windows of the epoch, and return their lines for metrics.jsonl."""
        if self.position.window == 0:
            self._begin_epoch()
        first = self.position.window
        inputs = cut_windows(self.lanes.inputs, self.spec.seq_length, first, count)
        targets = cut_windows(self.lanes.targets, self.spec.seq_length, first, count)
        rates = np.array([self._rate(self.position.step + k) for k in range(1, count + 1)])
        start = time.perf_counter()
        losses = self.execution.train(inputs, targets, rates, self._carries())
        return self._account(losses, rates, time.perf_counter() - start)

    def _begin_epoch(self) -> None:
        self.lanes, self.epoch_loss, self.epoch_steps = self.task.epoch_lanes(self.position.epoch), 0.0, 0
        if self.spec.reset_state == "epoch":
            reset_states(self.model)

    def _rate(self, step: int) -> float:
        if self.spec.time_budget is not None:
            progress = min(1.0, self.train_seconds / self.spec.time_budget)
        else:
            progress = (step - 1) / (self.plan.steps or 1)
        return rate_at(self.spec.schedule, self.spec.optimizer.learning_rate, step, progress, self.position.epoch)

    def _account(self, losses: np.ndarray, rates: np.ndarray, seconds: float) -> Lines:
        """Move the position on by the steps whose loss is finite; any other one ends the run."""
        step, epoch, window = self.position
        good = len(losses) if np.isfinite(losses).all() else int(np.argmin(np.isfinite(losses)))
        lines: Lines = [
            {"step": step + 1 + k, "epoch": epoch + 1, "train_loss": float(losses[k]), "learning_rate": float(rates[k])}
            for k in range(good)
        ]
        self.train_seconds += seconds
        self.position = self.position.after(good, self.plan.windows)
        self.epoch_loss += sum(line["train_loss"] for line in lines)
        self.epoch_steps += len(lines)
        if lines:
            self.last, self.measures = lines[-1], {}
        self._note_result()
        if good < len(losses):
            self.record.steps(lines)
            self._diverge(f"the loss of step {step + good + 1} (epoch {epoch + 1}, window {window + good + 1})")
        symbols = good * self.spec.batch_size * self.spec.seq_length
        lines[-1] |= {"elapsed_seconds": self.train_seconds, "symbols_per_second": symbols / seconds}
        return lines

    def _validate(self, line: dict[str, Any]) -> bool:
        """Measure the model as it is into a step's line; False if a signal came on the way."""
        assert self.validator is not None
        measures = self.validator.measure(lambda: self.stop.received is not None)
        if measures is None:
            return False
        if not np.isfinite(measures["val_loss"]):
            self._diverge(f"the validation loss after {self._place()}")
        self.measures = measures
        line |= measures
        if self.best is None or measures["val_loss"] < self.best.val_loss:
            self.best = Best(self.position.step, measures["val_loss"])
        elif self._out_of_patience():
            self.result["status"] = "stopped_early"
        self._note_result()
        found = "  ".join(f"{name} {value:.6g}" for name, value in measures.items())
        self.progress.say(f"step {self.position.step:,}: {found}")
        return True

    def _out_of_patience(self) -> bool:
        validation = self.experiment.validation
        since = self.position.step - (self.best.step if self.best else 0)
        return validation.patience is not None and since >= validation.patience * validation.every_steps

    def _sample(self, sampler: Sampler) -> None:
        """Let the model write from zero state, with random numbers of its own: a function of seed, step and weights."""
        vocabulary, step = self.task.vocabulary, self.position.step
        assert vocabulary is not None
        drawn = sampler.draw(self.experiment.sample.length, (self.experiment.seed, SAMPLES, step))
        text = vocabulary.decode(np.concatenate(list(drawn))[:, 0])
        self.record.sample(step, text)
        self.progress.say(f"sample after step {step:,}:\n{printable(text.decode('utf-8', 'replace'))}\n")

    def _save(self) -> None:
        """One checkpoint; older ones go, but for the best."""
        tensors = take_snapshot(self.model, self.optimizer, self.position, self.best)
        broken = not_finite(tensors)
        if broken:
            self._diverge(f"{broken[0]} after {self._place()}")
        path = self.directory.checkpoints / NAME.format(self.position.step)
        vocabulary = self.task.vocabulary
        notes = {"vocab_sha256": vocabulary.digest()} if vocabulary else {}
        save_checkpoint(path, tensors, {"train_seconds": repr(self.train_seconds), **notes})
        self.saved = self.position.step
        kept = self.experiment.checkpoint.keep
        prune_checkpoints(self.directory.checkpoints, kept, self.best.step if self.best else None)

    def _interrupt(self, signum: int) -> NoReturn:
        step = self.position.step
        if step > self.saved:
            self._save()
        raise Interrupted(signum, f"stopped by a signal after step {step:,}{', which is saved' if step else ''}")

    def _diverge(self, what: str) -> NoReturn:
        kept = f"the checkpoint of step {self.saved} is intact" if self.saved else "no checkpoint was written yet"
        advice = "lower train.optimizer.learning_rate or set train.grad_clip_norm"
        raise Diverged(f"{what} is not finite: {advice} ({kept})")

    def _place(self) -> str:
        return f"step {self.position.step} (epoch {self.position.epoch + 1}, window {self.position.window})"

    def _moment(self) -> Moment:
        step, budget = self.position.step, self.spec.time_budget
        fraction = min(1.0, self.train_seconds / budget if budget else step / (self.plan.steps or 1))
        left = (time.monotonic() - self.began) * (1 - fraction) / fraction  # with validation and all else
        per_second = step / self.train_seconds
        symbols = per_second * self.spec.batch_size * self.spec.seq_length
        epoch = self.position.epoch + (self.position.window > 0)
        loss = self.record.smoothed[-1]
        return Moment(step, self.plan.steps, epoch, fraction, loss, per_second, symbols, left)
