"""Record of a run while it goes on: metrics, curves, pictures, samples, TensorBoard."""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from lstmzoo.errors import InputError, did_you_mean
from lstmzoo.report.run_plots import PICTURES, draw_loss
from lstmzoo.system.files import FULL, write_atomically
from lstmzoo.system.terminal import printable
from lstmzoo.tasks.task import Picture
from lstmzoo.training.start import Start
from lstmzoo.training.validation import Validator

DRAW_SECONDS = 1.0  # a tiny net validates many times a second, and a drawing takes a third of one


class Recorder:
    """Writer of each step's numbers to metrics.jsonl, TensorBoard and the plots."""

    def __init__(self, start: Start):
        self.directory, self.curve, self.pictures = start.directory, start.curve, start.pictures
        self.name, self.loss_floor = start.plan.resolved.name, start.plan.loss_floor
        _check_picture(start.plan.task.picture())
        with _as_os_error():
            _note_start(self.directory.tensorboard, self.curve.steps + 1)
            self.writer = tf.summary.create_file_writer(str(self.directory.tensorboard))
        self.drawn = -math.inf

    def steps(self, lines: list[dict[str, Any]]) -> None:
        """Write the metrics of some steps; the last line's numbers go to TensorBoard."""
        if not lines:
            return
        self.directory.metrics.append(lines)
        for line in lines:
            self.curve.add(line)
        last = {**lines[-1], "train_loss": float(np.mean([line["train_loss"] for line in lines]))}
        with _as_os_error(), self.writer.as_default(step=last["step"]):
            for key, value in last.items():
                if key not in ("step", "elapsed_seconds"):
                    tf.summary.scalar(key, value)

    def sample(self, step: int, text: bytes) -> None:
        """Write a sample to its file, and to TensorBoard as a block of code."""
        write_atomically(self.directory.samples / f"step-{step:08d}.txt", text)
        shown = printable(text.decode("utf-8", "replace"))
        with _as_os_error(), self.writer.as_default(step=step):
            tf.summary.text("sample", "".join(f"    {line}\n" for line in shown.split("\n")))

    def draw(self, picture: Picture | None, validator: Validator | None, last: bool) -> None:
        """Redraw the loss, and the task's own picture of the last validation.

        What would be replaced within DRAW_SECONDS is left out, but for the `last` ones.
        """
        soon = not last and time.monotonic() - self.drawn < DRAW_SECONDS
        if not self.pictures or soon or not self.curve.steps:
            return
        draw_loss(self.directory.plots / "loss.png", self.curve, self.loss_floor, self.name)
        if picture is not None and validator is not None and (view := validator.view()) is not None:
            PICTURES[picture.kind](self.directory.plots / f"{picture.kind}.png", view, picture.label)
        self.drawn = time.monotonic()

    def close(self) -> None:
        """Close TensorBoard's file."""
        with _as_os_error():
            self.writer.close()


def _check_picture(picture: Picture | None) -> None:
    """Raise `InputError` for a kind that nothing draws, before the first step."""
    if picture is not None and picture.kind not in PICTURES:
        near = did_you_mean(picture.kind, PICTURES)
        raise InputError(f"task: expected a picture of a known kind, received {picture.kind!r}{near}, or name none")


def _note_start(folder: Path, step: int) -> None:
    """Write for TensorBoard at which step a process starts, so that later steps of an earlier one are not shown."""
    writer = EventFileWriter(str(folder), filename_suffix=".start")
    writer.add_event(Event(step=step, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)))
    writer.close()


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Raise `OSError` for TensorFlow's own errors of a full disk, which end with the system's words."""
    try:
        yield
    except tf.errors.OpError as error:
        number = next((number for number in FULL if os.strerror(number) in error.message), 0)
        raise OSError(number, f"TensorBoard's file: {error.message}") from error
