"""Metrics against direct formulas, and the baselines against loops over all rows."""

import numpy as np
import pytest
from hypothesis import given, settings

from lstmzoo.errors import InputError
from lstmzoo.tasks.losses import error_sums
from lstmzoo.tasks.series.baselines import measure_baselines
from lstmzoo.tasks.series.metrics import Known, measures_of
from tests.helpers.series import QUIET, cases, naive_parts, naive_scaling, opened, recordings_of, spec_of

NAN = np.nan
LOSSES = {
    "mse": lambda e: e**2,
    "mae": abs,
    "huber": lambda e: e**2 / 2 if abs(e) <= 1 else abs(e) - 0.5,
}


def direct(loss, outputs, targets, weights, units):
    """val_loss, val_rmse, val_mae, val_r2 of `[n, M]`, the formulas as they are written; units: what 1 is."""
    counted = [(weights[:, m] > 0, m) for m in range(targets.shape[1])]
    e = [(outputs[ok, m] - targets[ok, m]) * units[m] for ok, m in counted]
    y = [targets[ok, m] * units[m] for ok, m in counted]
    losses = [weights[n, m] * LOSSES[loss](outputs[n, m] - targets[n, m]) for n, m in np.argwhere(weights > 0)]
    r2 = [1 - (e**2).sum() / ((y - y.mean()) ** 2).sum() for e, y in zip(e, y, strict=True)]
    rows = [[np.sqrt(np.mean(e**2)) for e in e], [np.mean(abs(e)) for e in e], r2]
    return [sum(losses) / weights.sum(), *np.mean(rows, axis=1)], rows


def values_of(measures):
    return list(measures.means.values()), np.array([list(each.values()) for each in measures.targets.values()]).T


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("count", [1, 3])
def test_metrics_are_the_formulas(loss, count):
    random = np.random.default_rng(count)
    outputs, targets = random.normal(0, 2, (2, 50, count)).astype(np.float32)
    weights = random.choice([0, 1], (50, count)) * np.array([1, 2.5, 0.3][:count], np.float32)
    units = np.array([1.0, 10, 0.01][:count])
    y = [targets[weights[:, m] > 0, m].astype(float) for m in range(count)]
    known = Known(weights.sum(0), np.array([max(weights[:, m]) * y[m].var() * len(y[m]) for m in range(count)]))
    targets[weights == 0] = NAN  # nothing looks at it
    sums = error_sums(
        loss, outputs.reshape(5, 2, 5, count), *(a.reshape(5, 2, 5, count) for a in (targets, weights)), (0, 1, 2)
    )
    found = measures_of(sums, known, "abc"[:count], units)
    means, rows = direct(loss, outputs.astype(float), targets.astype(float), weights, units)
    assert list(found.means) == ["val_loss", "val_rmse", "val_mae", "val_r2"]
    assert list(found.targets) == list("abc"[:count])
    np.testing.assert_allclose(values_of(found)[0], means, rtol=1e-6)
    np.testing.assert_allclose(values_of(found)[1], rows, rtol=1e-6)


@pytest.mark.parametrize("squared, variation, r2", [(0, 0, 1), (3, 0, 0), (0, 2, 1), (1, 2, 0.5), (4, 2, -1)])
def test_r2_is_a_number_also_where_a_target_never_changes(squared, variation, r2):
    sums = {"loss": np.array([1.0]), "squared": np.array([float(squared)]), "absolute": np.array([1.0])}
    assert measures_of(sums, Known(np.array([4.0]), np.array([variation])), ["a"], np.ones(1)).means["val_r2"] == r2


def naive_persistence(case, parts, layout):
    """The last value of each target that is known, by a walk through the rows of each piece: `[K, B, T, M]`."""
    tables, _, keys, batch_size, seq_length, _ = case
    means = naive_scaling(case)[0]
    found = np.zeros((layout.windows, batch_size, seq_length, len(keys["targets"])))
    for lane, window, segment, row, rows in np.array(layout.pieces).T.tolist():
        number, first, _, begin = parts[segment]
        for step in range(rows):
            here = window + step // seq_length, lane, step % seq_length
            end = first + row + step + (1 if keys["horizon"] else 0)
            for place, c in enumerate(keys["targets"]):
                known = [v for v in tables[number][begin:end, c] if not np.isnan(v)]
                found[here][place] = known[-1] if known else means[c]
    return found


@settings(max_examples=40, **QUIET)
@given(case=cases())
def test_baselines_are_those_of_loops(tmp_path_factory, case):
    """On the windows and the scaling, which have tests of their own."""
    recordings = opened(tmp_path_factory.getbasetemp(), case)
    part, scaling = recordings.validating, recordings.dataset.scaling
    if part is None:
        return
    raw, count = naive_persistence(case, naive_parts(case)[1], part.layout), len(scaling.targets)
    _, targets, weights, _ = part.windows(0, part.layout.windows)
    targets, weights = (values.astype(float).reshape(-1, count) for values in (targets, weights))
    if any(len(set(targets[weights[:, m] > 0, m])) < 2 for m in range(count)):
        return  # too few values to vary: other tests
    means = naive_scaling(case)[0][list(case[2]["targets"])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstmzoo.tasks.series.recordings.BLOCK", 64)
        found = measure_baselines(recordings)
    for name, outputs in ("persistence", raw), ("mean", np.broadcast_to(means, raw.shape)):
        outputs = scaling.scale_targets(outputs).astype(float).reshape(-1, count)
        wanted, rows = direct("mse", outputs, targets, weights, scaling.of(scaling.targets)[1])
        got, each = values_of(getattr(found, name))
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(each, rows, rtol=1e-6, atol=1e-9)


def test_sums_lose_no_digits_far_from_zero(tmp_path):
    """A target of a million that varies by one: its variation is known to many digits."""
    values = 1e6 + np.random.default_rng(0).integers(-8, 8, (400, 1)) / 8
    spec = spec_of(tmp_path, [values], 1, {"scale": "none"})
    recordings = recordings_of(spec, 2, 10, 0, 0.5)
    (variation,) = measure_baselines(recordings).known.variation
    y = values[201:, 0]
    np.testing.assert_allclose(variation, ((y - y.mean()) ** 2).sum(), rtol=1e-12)


def test_a_target_that_never_counts_is_named(tmp_path):
    values = np.column_stack([np.arange(20.0), np.where(np.arange(20) < 15, np.arange(20.0), NAN)])
    spec = spec_of(tmp_path, [values], 1, {"inputs": (0,), "targets": (0, 1)})
    with pytest.raises(InputError, match="what is validated on: expected a value of the target '1' that counts"):
        recordings_of(spec, 1, 5, 0, 0.25)
