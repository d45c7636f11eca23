"""Checkpoints of a live run: written, refused for numbers that are not finite, old ones removed."""

import json
from typing import NoReturn

import numpy as np

from lstmzoo.config.differences import as_text, settings_of
from lstmzoo.errors import Diverged
from lstmzoo.execution.engine import Execution
from lstmzoo.runs.checkpoint import NAME, prune_checkpoints, save_checkpoint
from lstmzoo.training.binding import digests
from lstmzoo.training.hosts.team import Team
from lstmzoo.training.snapshot import not_finite, restore_snapshot, take_snapshot
from lstmzoo.training.start import Start


class Checkpointer:
    """Writer of a run's checkpoints: weights, optimizer slots, carried states, counters; it reads them on a resume."""

    def __init__(self, start: Start, execution: Execution, team: Team):
        self.directory, self.run_state = start.directory, start.run_state
        self.spec = start.plan.resolved.checkpoint
        self.execution, self.team, self.averages = execution, team, execution.averages
        self.model, self.optimizer = execution.model, execution.optimizer
        self.notes = {"settings": as_text(settings_of(start.plan.resolved)), **digests(start.plan)}
        self.saved = start.run_state.position.step
        if start.resumed is not None:
            restore_snapshot(self.model, self.optimizer, start.resumed.checkpoint.tensors, self.averages)

    def save(self, pending: bool = False) -> None:
        """Write one checkpoint, and remove older ones but for the best.

        `pending`: not all that is due after this step was done. Raises `Diverged` for a weight, slot or state that is
        not finite, and `OSError` for a directory that another process has replaced.
        """
        self.execution.gather_states()
        tensors = take_snapshot(self.model, self.optimizer, self.averages) | self.run_state.tensors()
        if broken := not_finite(tensors):
            self.diverge(f"{broken[0]} after {self.run_state.place()}")
        self.team.check_alike(tensors, self.run_state.place())
        if self.team.leads:
            self._write(tensors, pending)
            self.team.peers.note_saved(self.run_state.position.step)
        self.saved = self.run_state.position.step

    def _write(self, tensors: dict[str, np.ndarray], pending: bool) -> None:
        step, best = self.run_state.position.step, self.run_state.best
        self.directory.check_claim()
        self.directory.metrics.flush()
        save_checkpoint(self.directory.checkpoints / NAME.format(step), tensors, self._metadata(pending))
        prune_checkpoints(self.directory.checkpoints, self.spec, step, best.step if best else None)

    def save_before_leaving(self, pending: bool) -> None:
        """Save what is not saved yet, as a signal asks."""
        if pending or self.run_state.position.step > self.saved:
            self.save(pending)

    def diverge(self, what: str) -> NoReturn:
        """Raise `Diverged` for what is not finite; the message names the last good checkpoint."""
        kept = f"the checkpoint of step {self.saved} is intact" if self.saved else "no checkpoint was written yet"
        advice = "lower train.optimizer.learning_rate or set train.grad_clip_norm"
        raise Diverged(f"{what} is not finite: {advice} ({kept})")

    def _metadata(self, pending: bool) -> dict[str, str]:
        left = {"pending": json.dumps(self.run_state.last, allow_nan=False)} if pending else {}
        return {"train_seconds": repr(self.run_state.train_seconds), **self.notes, **left}
