"""Series tasks of any kind, and what they hold by loops that read everything."""

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, assume, strategies as st

from lstmzoo.errors import InputError
from lstmzoo.tasks.series.dataset import Dataset
from lstmzoo.tasks.series.recordings import Recordings
from lstmzoo.tasks.series.spec import SeriesSpec

NAN = np.nan
FRACTIONS = (0.0, 0.1, 0.25, 0.5)
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def numbers(draw, rows, missing):
    """Rows of columns 0, 1, 2, some missing, and a column 3 that changes now and then."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.normal(random.normal(0, 100, 3), random.uniform(0.1, 10, 3), (rows, 3))
    lacking = random.uniform(size=(rows, 3)) < random.choice([0, 0.1, 0.7])
    values[lacking & missing] = NAN
    return np.column_stack([values, np.cumsum(random.uniform(size=rows) < 0.07)])


@st.composite
def cases(draw):
    """Tables, and the arguments of recordings."""
    inputs, targets, hold = (
        *draw(st.sampled_from([((0, 1), (2,)), ((1,), (2, 0)), ((0, 1), (0, 1)), ((2, 0), (0,))])),
        draw(st.booleans()),
    )
    missing = np.array([hold or column not in inputs for column in range(3)])
    count, validates = draw(st.integers(1, 3)), draw(st.booleans())
    tables = [numbers(draw, draw(st.integers(8, 70)), missing) for _ in range(count + validates)]
    keys = {
        "inputs": inputs,
        "targets": targets,
        "horizon": draw(st.integers(0, 3)),
        "warmup": draw(st.integers(0, 5)),
        "segment": draw(st.sampled_from([None, {"column": 3}])),
        "scale": draw(st.sampled_from(["standard", "none"])),
        "missing": "hold" if hold else None,
        "loss_weights": draw(st.sampled_from([None, [2.5, 0.5][: len(targets)]])),
    }
    return tables, count, keys, draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.sampled_from(FRACTIONS))


@st.composite
def numbered_tables(draw):
    """Tables whose column 0 numbers all rows from 1 on and whose column 1 says the segment, if that is asked for.

    Returns a function that writes them to a folder, and says the keys of the section and the numbers of each segment.
    """
    lengths = draw(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=4), min_size=1, max_size=3))
    by_column = draw(st.booleans())

    def write(folder):
        recordings, files, number = [], [], 1
        for table, sizes in enumerate(lengths):
            rows = [range(begin, begin + size) for begin, size in zip(number + np.cumsum([0, *sizes[:-1]]), sizes, strict=True)]  # fmt: skip
            number += sum(sizes)
            recordings += [[*map(int, each)] for each in (rows if by_column else [itertools.chain(*rows)])]
            files.append(str(folder / f"numbered-{table}.npy"))
            np.save(files[-1], [[row, segment % 2] for segment, each in enumerate(rows) for row in each])
        return {"data": files, "segment": {"column": 1} if by_column else None}, recordings

    return write


def spec_of(folder, tables, count, keys):
    files = [str(folder / f"{number}.npy") for number in range(len(tables))]
    for file, table in zip(files, tables, strict=True):
        np.save(file, table)
    return SeriesSpec(kind="series", data=files[:count], validation=files[count:] or None, **keys)


def recordings_of(spec, batch_size, seq_length, seed, fraction):
    return Recordings(Dataset(spec, seed, fraction), batch_size, seq_length)


def opened(folder, case):
    tables, count, keys, batch_size, seq_length, fraction = case
    try:
        return recordings_of(spec_of(folder, tables, count, keys), batch_size, seq_length, 0, fraction)
    except InputError:
        assume(False)  # too short, too much warm-up, or nothing but missing values


def pieces_of(rows, column):
    """First rows and numbers of rows of the segments of a table, found row by row."""
    begins = [row for row in range(len(rows)) if row == 0 or (column and rows[row, 3] != rows[row - 1, 3])]
    return [(begin, end - begin) for begin, end in zip(begins, [*begins[1:], len(rows)], strict=True)]


def naive_parts(case):
    """What is trained on and validated on: (table, first row, end, row where the recording begins), by loops."""
    tables, count, keys, _, _, fraction = case
    training, validating = [], []
    for number, table in enumerate(tables):
        for begin, rows in pieces_of(table, keys["segment"]):
            own = count == len(tables)
            held = math.ceil(rows * Fraction(str(fraction))) if own else 0
            parts = [(number, begin, begin + rows - held, begin), (number, begin + rows - held, begin + rows, begin)]
            if number >= count:
                parts = [(number, begin, begin, begin), (number, begin, begin + rows, begin)]
            training.append(parts[0])
            validating.append(parts[1])
    return tuple([part for part in parts if part[2] - part[1] > keys["horizon"]] for parts in (training, validating))


def naive_scaling(case):
    """Means and deviations of the training part, of all columns."""
    tables, training = case[0], naive_parts(case)[0]
    rows = np.concatenate([tables[number][first:end, :3] for number, first, end, _ in training])
    with warnings.catch_warnings():  # of a column without values, which is not asked for
        warnings.simplefilter("ignore")
        deviations = np.nanstd(rows, axis=0)
        return np.nanmean(rows, axis=0), np.where(deviations == 0, 1, deviations)


def naive_windows(case, parts, layout):
    """Windows by a walk through the rows of each piece; `layout` says only where a piece lies."""
    tables, _, keys, batch_size, seq_length, _ = case
    means, deviations = naive_scaling(case)
    center, unit = (means, deviations) if keys["scale"] == "standard" else (np.zeros(3), np.ones(3))
    everywhere = [
        table[first:end] for part in naive_parts(case) for number, first, end, _ in part for table in [tables[number]]
    ]
    held = [c for c in keys["inputs"] if any(np.isnan(rows[:, c]).any() for rows in everywhere)]
    weights_of = [keys["loss_weights"][place] if keys["loss_weights"] else 1 for place in range(len(keys["targets"]))]
    shape = (layout.windows, batch_size, seq_length)
    x, y = np.zeros((*shape, len(keys["inputs"]) + len(held))), np.zeros((*shape, len(keys["targets"])))
    weights, resets = np.zeros_like(y), np.zeros(shape[:2], bool)
    for lane, window, segment, row, rows in np.array(layout.pieces).T.tolist():
        number, first, end, begin = parts[segment]
        resets[window, lane] = True
        for step in range(rows):
            here = (window + step // seq_length, lane, step % seq_length)
            now = first + row + step
            for place, c in enumerate(keys["inputs"]):
                known = [v for v in tables[number][begin : now + 1, c] if not np.isnan(v)]
                x[here][place] = ((known[-1] if known else means[c]) - center[c]) / unit[c]
            x[here][len(keys["inputs"]) :] = [np.isnan(tables[number][now, c]) for c in held]
            for place, c in enumerate(keys["targets"]):
                if now + keys["horizon"] < end and step >= keys["warmup"]:
                    value = tables[number][now + keys["horizon"], c]
                    if not np.isnan(value):
                        y[here][place], weights[here][place] = (value - center[c]) / unit[c], weights_of[place]
    return x, y, weights, resets
