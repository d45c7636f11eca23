"""Record of a run while it goes on: metrics, curves, pictures, samples, TensorBoard."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from lstmzoo.system.accessories import Accessories, import_matplotlib
from lstmzoo.system.files import write_atomically
from lstmzoo.system.terminal import printable
from lstmzoo.tasks.optional import words_of
from lstmzoo.tasks.task import Picture
from lstmzoo.training.start import Start
from lstmzoo.training.validation import Validator

DRAW_SECONDS = 1.0  # a tiny net validates many times a second, and a drawing takes a third of one
EVENTS, DRAWN = "TensorBoard's files", "pictures"  # as warnings call them


class SilentRecorder:
    """Recorder of a worker that follows: it writes nothing, and has the curve that a progress shows."""

    def __init__(self, start: Start):
        self.directory, self.curve = start.directory, start.curve

    def steps(self, lines: list[dict[str, Any]]) -> None:
        """Add the losses to the curve."""
        for line in lines:
            self.curve.add(line)

    def sample(self, step: int, text: bytes) -> None:
        """Write nothing."""

    def draw(self, picture: Picture | None, validator: Validator | None, last: bool) -> None:
        """Draw nothing."""

    def close(self) -> None:
        """Do nothing."""


class Recorder:
    """Writer of each step's numbers to metrics.jsonl, TensorBoard and the plots."""

    def __init__(self, start: Start, say: Callable[[str], None]):
        self.directory, self.curve = start.directory, start.curve
        self.name, self.loss_floor = start.plan.resolved.name, start.plan.loss_floor
        self.words = words_of(start.plan.resolved.task)
        self.accessories, self.writer = Accessories(say), None
        self.pictures = start.pictures and self.accessories.attempt(DRAWN, _import_plots)
        self.accessories.attempt(EVENTS, self._open_events)
        self.drawn = -math.inf

    def steps(self, lines: list[dict[str, Any]]) -> None:
        """Write the metrics of some steps; the last line's numbers go to TensorBoard."""
        if not lines:
            return
        self.directory.metrics.append(lines)
        for line in lines:
            self.curve.add(line)
        losses = [line["train_loss"] for line in lines if "train_loss" in line]
        last = {**lines[-1]} | ({"train_loss": float(np.mean(losses))} if losses else {})
        values = {key: value for key, value in last.items() if key not in ("step", "elapsed_seconds")}
        self._to_events(last["step"], lambda: [tf.summary.scalar(key, value) for key, value in values.items()])

    def sample(self, step: int, text: bytes) -> None:
        """Write a sample to its file, and to TensorBoard as a block of code."""
        write_atomically(self.directory.samples / f"step-{step:08d}.txt", text)
        shown = printable(text.decode("utf-8", "replace"))
        code = "".join(f"    {line}\n" for line in shown.split("\n"))
        self._to_events(step, lambda: tf.summary.text("sample", code))

    def draw(self, picture: Picture | None, validator: Validator | None, last: bool) -> None:
        """Redraw the loss, and the task's own picture of the last validation.

        What would be replaced within DRAW_SECONDS is left out, but for the `last` ones.
        """
        soon = not last and time.monotonic() - self.drawn < DRAW_SECONDS
        if not self.pictures or soon or not self.curve.steps:
            return
        self.accessories.attempt(DRAWN, lambda: self._draw(picture, validator))
        self.drawn = time.monotonic()

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self.writer is not None:
            self.accessories.attempt(EVENTS, self.writer.close)

    def _draw(self, picture: Picture | None, validator: Validator | None) -> None:
        from lstmzoo.report.run_plots import PICTURES, draw_loss

        draw_loss(self.directory.plots / "loss.png", self.curve, self.loss_floor, self.name, self.words)
        if picture is not None and validator is not None and validator.view is not None:
            PICTURES[picture.kind](self.directory.plots / f"{picture.kind}.png", validator.view, picture)

    def _open_events(self) -> None:
        """Open TensorBoard's file; a note says at which step we start, so that later ones of before are not shown."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        note = Event(step=self.curve.steps + 1, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START))
        writer = EventFileWriter(str(self.directory.tensorboard), filename_suffix=".start")
        writer.add_event(note)
        writer.close()
        self.writer = tf.summary.create_file_writer(str(self.directory.tensorboard))

    def _to_events(self, step: int, write: Callable[[], Any]) -> None:
        """Write to TensorBoard's file, if it could be opened."""
        if (writer := self.writer) is not None:

            def written() -> None:
                with writer.as_default(step=step):
                    write()

            self.accessories.attempt(EVENTS, written)


def _import_plots() -> None:
    import_matplotlib()
    import lstmzoo.report.run_plots  # noqa: F401
