"""Parts of a text, to train, validate and be tested on: of one stream in lanes, or of a segment for each file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from lstmzoo.data.lanes import Lanes, Scored, Windows, next_symbol_lanes, targets_a_lane
from lstmzoo.data.layout import Layout
from lstmzoo.data.segments import Segment, lay, split
from lstmzoo.errors import InputError
from lstmzoo.tasks.laid import Laid, describe_layout, describe_lengths

if TYPE_CHECKING:
    import numpy as np
else:
    from lstmzoo.system.lazy_numpy import np


class OneStream:
    """A text as one stream, with a part for validation behind what is trained on, and one for the test at its end."""

    def __init__(self, ids: np.ndarray, batch_size: int, fraction: float, test: float):
        self.batch_size, self.length = batch_size, len(ids)
        parts = (part for (part,) in split([Segment(0, 0, len(ids), 0)], fraction, test))
        self.training, self.validating, self.testing = (ids[part.first : part.first + part.rows] for part in parts)
        self.held_out = len(self.validating)

    def facts(self) -> dict[str, Any]:
        """Return nothing: all is in the text's own digest."""
        return {}

    def describe(self) -> dict[str, str]:
        """Describe the test, if there is one."""
        return describe_test(self.to_test())

    def check(self, seq_length: int, validates: bool) -> None:
        """Raise for a text with less than one window a lane, or a validation part with less than one target a lane."""
        if targets_a_lane(self.training, self.batch_size) < seq_length:
            raise InputError(
                f"task: expected a text with {self.batch_size * seq_length + 1:,} symbols or more to train on: a "
                f"window of {seq_length} in each of {self.batch_size} lanes and a last target, received "
                f"{len(self.training):,} (and {self.held_out:,} to validate on{_and_tested(len(self.testing))}): take "
                f"a longer text, or lower train.batch_size, train.seq_length{_or_shares(len(self.testing))}"
            )
        if validates and targets_a_lane(self.validating, self.batch_size) < 1:
            raise InputError(
                f"validate.fraction: expected a last part of {self.batch_size + 1:,} symbols or more, one in each of "
                f"{self.batch_size} lanes and a last target, received {len(self.validating):,} of "
                f"{self.length:,}: raise it, take a longer text, or set validate.every_steps: 0"
            )

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and the symbols of the training part that are not an input of any window."""
        lanes = self.to_train()
        return lanes.windows(seq_length), lanes.dropped(seq_length)

    def to_train(self) -> Lanes:
        """Return lanes of the training part."""
        return next_symbol_lanes(self.training, self.batch_size)

    def to_validate(self) -> Scored:
        """Return lanes of the last part of the text; every target counts."""
        lanes = next_symbol_lanes(self.validating, self.batch_size)
        return Scored(lanes, np.broadcast_to(np.float32(1), lanes.targets.shape))

    def to_test(self) -> list[np.ndarray]:
        """Return the ids that a run is tested on; none without a target."""
        return [self.testing] if len(self.testing) > 1 else []


def _and_tested(count: int) -> str:
    return f", {count:,} to be tested on" if count else ""


def _or_shares(tested: int) -> str:
    return ", validate.fraction or task.test_fraction" if tested else " or validate.fraction"


def describe_test(parts: Sequence[np.ndarray]) -> dict[str, str]:
    """Describe what a run is tested on by the name "test"; nothing where that is nothing."""
    symbols = sum(map(len, parts))
    return {"test": f"{symbols:,} symbols, scored once at the end with the best weights"} if parts else {}


class TextPart(NamedTuple):
    """Segments of a text in lanes: those to train on, or those to validate on. The last symbol of one has no target."""

    ids: np.ndarray
    segments: Sequence[Segment]
    layout: Layout

    def windows(self, first: int, count: int) -> Windows:
        """Cut `count` windows from window `first` on, or fewer where they end; ids are 0 in padding."""
        layout = self.layout
        count = min(count, layout.windows - first)
        ids, targets = (layout.take(self._read, first, count, shift) for shift in (0, 1))
        return Windows(ids, targets, layout.weights(first, count), layout.resets(first, count))

    def _read(self, number: int, row: int, count: int) -> np.ndarray:
        first = self.segments[number].first + row
        return self.ids[first : first + count]


class Files:
    """A text of which each file is a segment; the last parts of each are for validation and for the test."""

    training: TextPart
    """From `check` on."""
    validating: TextPart | None
    """From `check` on. None: nothing is validated on."""

    def __init__(self, ids: np.ndarray, lengths: Sequence[int], batch_size: int, fraction: float, test: float):
        """Make the segments of a text; `lengths`: the symbols of each file. Parts without a target are in neither."""
        self.ids, self.lengths, self.batch_size = ids, list(lengths), batch_size
        begins = list(accumulate(lengths, initial=0))
        segments = [Segment(0, first, size, first) for first, size in zip(begins, lengths, strict=False)]
        self.parts = [[part for part in parts if part.rows > 1] for parts in split(segments, fraction, test)]
        self.dropped = len(ids) - sum(part.rows for parts in self.parts for part in parts)

    def facts(self) -> dict[str, Any]:
        """Return number of the files and digest of their lengths: the text's own does not know where they end."""
        digest = hashlib.sha256("".join(f"{length}\n" for length in self.lengths).encode()).hexdigest()
        return {"text_files": len(self.lengths), "segments_sha256": digest}

    def describe(self) -> dict[str, str]:
        """Describe segments and both parts."""
        validating = self.validating
        return {
            "segments": describe_lengths(self.lengths, "symbols", "a file each"),
            "training": describe_layout(self.training.layout, "symbols"),
            "validation": describe_layout(validating.layout, "symbols") if validating else "none",
            **describe_test(self.to_test()),
        }

    def check(self, seq_length: int, validates: bool) -> None:
        """Lay both parts into lanes; raise `InputError` where no file has a window, or nothing can be validated on."""
        training, validating, testing = self.parts
        longest, needed = max((part.rows for part in training), default=0), max(seq_length, 2)
        if longest < needed:
            raise InputError(
                f"task.text: expected a file with {needed:,} symbols or more to train on, a window of "
                f"train.seq_length, received at most {longest:,}: take longer files, lower train.seq_length"
                f"{_or_shares(len(testing))}, or join the files (task.segment: null)"
            )
        if validates and not validating:
            raise InputError(
                "validate.fraction: expected a last part of 2 symbols or more of a file, received none: raise it, or "
                "set validate.every_steps: 0"
            )
        self.training = self._laid(training, seq_length)
        self.validating = self._laid(validating, seq_length) if validates else None

    def _laid(self, segments: Sequence[Segment], seq_length: int) -> TextPart:
        lengths = [segment.rows for segment in segments]
        return TextPart(self.ids, segments, lay(lengths, self.batch_size, seq_length, horizon=1))

    def windows(self, seq_length: int) -> tuple[int, int]:
        """Count the windows of an epoch, and the symbols of files or parts that are too short for a target."""
        return self.training.layout.windows, self.dropped

    def to_train(self) -> Laid:
        """Return the windows to train on."""
        return Laid(self.training)

    def to_validate(self) -> Laid:
        """Return the windows to validate on."""
        assert self.validating is not None
        return Laid(self.validating, float(self.validating.layout.facts().trained))

    def to_test(self) -> list[np.ndarray]:
        """Return the ids of each file that a run is tested on."""
        return [self.ids[part.first : part.first + part.rows] for part in self.parts[2]]
