"""Segments in lanes: nothing is lost, joined or counted that should not be, for any lengths, B, T, horizon, warm-up."""

import time

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from lstmzoo.data.lanes import cut_windows, next_symbol_lanes, split_lanes
from lstmzoo.data.segments import lay
from lstmzoo.errors import InputError

EITHER = st.booleans()


@st.composite
def layouts(draw, cut=EITHER):
    """A layout of any lengths; a row is numbered by segment and place, from 1."""
    horizon, warmup = draw(st.integers(0, 3)), draw(st.integers(0, 9))
    lengths = draw(st.lists(st.integers(horizon + 1, 60), min_size=1, max_size=12))
    sizes = draw(st.integers(1, 7)), draw(st.integers(1, 12))
    try:
        return lay(lengths, *sizes, horizon=horizon, warmup=warmup, cut=draw(cut))
    except InputError:
        assume(False)  # the warm-up leaves nothing


def numbered(segment, row, count):
    """Rows `[n, 2]` that say where they stand."""
    return np.stack([np.full(count, segment + 1), np.arange(row + 1, row + 1 + count)], axis=1)


def whole(layout):
    return layout.take(numbered, 0, layout.windows)


@given(layouts())
def test_every_row_is_an_input_once_and_the_rest_is_padding(layout):
    rows = whole(layout).reshape(-1, 2)
    assert rows.shape[0] == layout.windows * layout.batch_size * layout.seq_length
    given = [(s + 1, r + 1) for s, length in enumerate(layout.lengths) for r in range(length)]
    assert sorted(map(tuple, rows[rows[:, 0] > 0].tolist())) == given


@given(layouts())
def test_a_lane_goes_on_with_the_next_row_or_begins_at_zero(layout):
    inputs, resets = whole(layout), layout.resets(0, layout.windows)
    assert resets.sum() == len(layout.pieces.row)
    for lane, window, segment, row, _ in np.array(layout.pieces).T.tolist():
        assert resets[window, lane]
        assert inputs[window, lane, 0].tolist() == [segment + 1, row + 1]
    for window, lane in np.ndindex(resets.shape):
        last = inputs[window - 1, lane, -1] if window else None
        if not resets[window, lane] and inputs[window, lane].any():
            assert (inputs[window, lane, 0] == [*last[:1], last[1] + 1]).all()
        steps = inputs[window, lane][inputs[window, lane, :, 0] > 0]
        assert (np.diff(steps, axis=0) == [0, 1]).all()
        assert not inputs[window, lane, len(steps) :].any()


@given(layouts())
def test_targets_count_where_they_are_known_and_the_warm_up_is_over(layout):
    """Against a walk through all steps, one by one."""
    inputs, resets = whole(layout), layout.resets(0, layout.windows)
    targets = layout.take(numbered, 0, layout.windows, shift=layout.horizon)
    weights = layout.weights(0, layout.windows)
    since = np.zeros(layout.batch_size, int)
    for window, lane, step in np.ndindex(weights.shape):
        since[lane] = 0 if step == 0 and resets[window, lane] else since[lane] + 1
        segment, row = inputs[window, lane, step]
        known = segment > 0 and row + layout.horizon <= layout.lengths[segment - 1]
        assert targets[window, lane, step].tolist() == ([segment, row + layout.horizon] if known else [0, 0])
        assert weights[window, lane, step] == (known and since[lane] >= layout.warmup)


@given(layouts())
def test_facts_are_counts_of_the_windows(layout):
    facts, weights, inputs = layout.facts(), layout.weights(0, layout.windows), whole(layout)
    assert facts.trained == weights.sum() > 0
    assert facts.padded == (inputs[..., 0] == 0).sum()
    assert facts.warmup + facts.without_target + facts.trained == layout.lengths.sum()
    assert (facts.windows, facts.segments) == (len(weights), len(layout.lengths))
    assert facts.pieces == layout.resets(0, layout.windows).sum()
    if layout.warmup == 0:
        assert facts.without_target == layout.horizon * facts.segments


@given(layouts(), st.integers(1, 5))
def test_windows_by_the_way_are_those_of_the_whole(layout, count):
    parts = [(first, min(count, layout.windows - first)) for first in range(0, layout.windows, count)]
    for made in (layout.weights, layout.resets, lambda *part: layout.take(numbered, *part, shift=layout.horizon)):
        np.testing.assert_array_equal(np.concatenate([made(*part) for part in parts]), made(0, layout.windows))


@given(layouts(cut=st.just(True)))
def test_cut_lanes_are_nearly_equal_and_few_cuts_are_made(layout):
    windows = -(-layout.lengths // layout.seq_length)
    assert layout.windows == -(-windows.sum() // layout.batch_size) < windows.sum() / layout.batch_size + 1
    assert layout.facts().pieces < len(windows) + layout.batch_size
    assert (layout.pieces.row % layout.seq_length == 0).all()


@given(layouts(cut=st.just(False)))
def test_whole_segments_lie_in_one_lane_each(layout):
    windows = -(-layout.lengths // layout.seq_length)
    assert sorted(layout.pieces.segment.tolist()) == list(range(len(windows)))
    np.testing.assert_array_equal(layout.pieces.rows, layout.lengths[layout.pieces.segment])
    assert layout.windows <= windows.sum() / layout.batch_size + windows.max()
    if len(windows) <= layout.batch_size:
        assert layout.pieces.lane.tolist() == layout.pieces.segment.tolist()


@given(batch_size=st.integers(1, 6), seq_length=st.integers(1, 9), count=st.integers(1, 9))
def test_one_segment_is_cut_as_a_text_is(batch_size, seq_length, count):
    """All but the last target, which a text's lanes lack, since its last symbol has none."""
    stream = np.random.default_rng(count).integers(0, 99, batch_size * count * seq_length)
    assume(len(stream) > 1)
    layout = lay([len(stream)], batch_size, seq_length, horizon=1)

    def read(segment, row, rows):
        return stream[row : row + rows]

    assert layout.windows == count
    inputs = cut_windows(split_lanes(stream, batch_size), seq_length, 0, count)
    np.testing.assert_array_equal(layout.take(read, 0, count), inputs)
    targets = cut_windows(next_symbol_lanes(np.append(stream, 0), batch_size).targets, seq_length, 0, count)
    np.testing.assert_array_equal(layout.take(read, 0, count, shift=1), targets)
    assert layout.weights(0, count).sum() == len(stream) - 1
    assert layout.resets(0, count).sum(axis=1).tolist() == [batch_size] + [0] * (count - 1)


@pytest.mark.parametrize(
    ("lengths", "batch_size", "cut", "lanes"),
    [  # T = 10; a lane is (segment, first row, rows) ...
        ([100], 2, True, [[(0, 0, 50)], [(0, 50, 50)]]),
        ([95], 2, True, [[(0, 0, 50)], [(0, 50, 45)]]),
        ([95], 2, False, [[(0, 0, 95)], []]),
        ([30, 50, 20], 2, True, [[(0, 0, 30), (2, 0, 20)], [(1, 0, 50)]]),
        ([30, 30, 30], 2, True, [[(0, 0, 30), (2, 0, 20)], [(1, 0, 30), (2, 20, 10)]]),
        ([30, 30, 30], 2, False, [[(0, 0, 30), (2, 0, 30)], [(1, 0, 30)]]),
        ([30, 10, 20, 20, 40], 2, True, [[(0, 0, 30), (1, 0, 10), (3, 0, 20)], [(2, 0, 20), (4, 0, 40)]]),
        ([10, 20, 30], 2, False, [[(0, 0, 10), (1, 0, 20)], [(2, 0, 30)]]),
        ([7, 5], 2, True, [[(0, 0, 7)], [(1, 0, 5)]]),
        ([7, 5], 3, True, [[(0, 0, 7)], [(1, 0, 5)], []]),
        ([5, 7, 6], 1, True, [[(0, 0, 5), (1, 0, 7), (2, 0, 6)]]),
        ([200, 11, 10], 3, True, [[(0, 0, 80)], [(0, 80, 80)], [(0, 160, 40), (1, 0, 11), (2, 0, 10)]]),
    ],
)  # fmt: skip
def test_where_segments_lie(lengths, batch_size, cut, lanes):
    layout = lay(lengths, batch_size, 10, cut=cut)
    found = [[] for _ in range(batch_size)]
    for stretch in layout.stretches(0, layout.windows):
        found[stretch.lane].append((stretch.segment, stretch.row, stretch.rows))
    assert found == lanes


@pytest.mark.parametrize(
    ("lengths", "more", "message"),
    [
        ([], {}, r"^expected a segment or more, received none$"),
        ([9, 0], {}, r"^segment 2 of 2: expected more than 0 rows, .* received 0: leave it out"),
        ([9, 3, 2], {"horizon": 3}, r"^segment 3 of 3: expected more than 3 rows, as the target stands 3 rows later \(horizon\), received 2: leave it out, or choose a smaller horizon$"),
        ([4, 40], {"warmup": 15}, r"^warmup: expected less than 15 steps, the most targets that a piece of a segment has in 3 lanes, received 15: shorten the warm-up, or give longer segments or fewer lanes$"),
        ([9], {"warmup": 8, "horizon": 1, "cut": False}, r"^warmup: expected less than 8 steps, .* received 8"),
    ],
)  # fmt: skip
def test_what_cannot_be_laid_is_one_message(lengths, more, message):
    with pytest.raises(InputError, match=message):
        lay(lengths, 3, 5, **more)


def test_a_hundred_thousand_segments_take_no_time_and_little_memory():
    lengths = np.random.default_rng(0).integers(1, 5000, 100_000)
    start = time.process_time()
    layout = lay(lengths, 64, 100)
    assert time.process_time() - start < 2
    assert sum(part.nbytes for part in layout.pieces) < 100_100 * 5 * 8
    assert layout.windows * 64 - (-(-lengths // 100)).sum() < 64
