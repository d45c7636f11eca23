"""What a run leaves behind while it goes on: metrics, curves, pictures, TensorBoard."""

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

from lstmzoo.report.run_plots import EchoView, draw_echo, draw_loss
from lstmzoo.runs.curve import Curve
from lstmzoo.runs.directory import RunDirectory
from lstmzoo.system.files import FULL, write_atomically
from lstmzoo.system.terminal import printable
from lstmzoo.tasks.echo import EchoSpec
from lstmzoo.training.validation import SHOWN_STEPS, Validator

DRAW_SECONDS = 1.0  # a tiny net validates many times a second, and a drawing takes a third of one


class Recorder:
    """Takes each step's numbers to metrics.jsonl, TensorBoard and the plots."""

    def __init__(self, directory: RunDirectory, name: str, curve: Curve, loss_floor: float | None, pictures: bool):
        self.directory, self.name, self.curve, self.loss_floor = directory, name, curve, loss_floor
        self.pictures = pictures
        with _as_os_error():
            _note_start(directory.tensorboard, curve.steps + 1)
            self.writer = tf.summary.create_file_writer(str(directory.tensorboard))
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

    def draw(self, task: Any, validator: Validator | None, last: bool) -> None:
        """Redraw the pictures, but for those that the next ones would replace within DRAW_SECONDS."""
        if not self.pictures or (not last and time.monotonic() - self.drawn < DRAW_SECONDS):
            return
        plots = self.directory.plots
        draw_loss(plots / "loss.png", self.curve, self.loss_floor, self.name)
        if validator is not None and isinstance(task, EchoSpec) and validator.shown:
            parts = (np.concatenate(calls) for calls in zip(*validator.shown, strict=True))
            inputs, targets, weights, predictions = (np.concatenate(list(p), 1)[:, :SHOWN_STEPS] for p in parts)
            draw_echo(plots / "echo.png", EchoView(inputs, targets, predictions, weights), task.echo_step)
        self.drawn = time.monotonic()

    def close(self) -> None:
        """The end of TensorBoard's file."""
        with _as_os_error():
            self.writer.close()


def _note_start(folder: Path, step: int) -> None:
    """Tell TensorBoard at which step a process starts: what an earlier one wrote from there on is not shown."""
    writer = EventFileWriter(str(folder), filename_suffix=".start")
    writer.add_event(Event(step=step, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)))
    writer.close()


@contextmanager
def _as_os_error() -> Iterator[None]:
    """TensorFlow has errors of its own for a full disk, which end with the system's words."""
    try:
        yield
    except tf.errors.OpError as error:
        number = next((number for number in FULL if os.strerror(number) in error.message), 0)
        raise OSError(number, f"TensorBoard's file: {error.message}") from error
