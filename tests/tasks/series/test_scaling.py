"""scaling.json: read back bit for bit, applied and undone, and refused where no run wrote it."""

import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lstmzoo.data.scaling import Scaling, load_scaling
from lstmzoo.errors import InputError
from lstmzoo.tasks.series.holding import carry_forward
from tests.helpers.series import QUIET, recordings_of, spec_of

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ABOVE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
NAMES = ("flow", 'a "b", ü', "0")


@settings(max_examples=40, **QUIET)
@given(means=st.tuples(NUMBERS, NUMBERS, NUMBERS), deviations=st.tuples(ABOVE, ABOVE, ABOVE), hold=NUMBERS)
def test_it_is_read_back_bit_for_bit(tmp_path_factory, means, deviations, hold):
    path = tmp_path_factory.getbasetemp() / "scaling.json"
    scaling = Scaling(NAMES, means, deviations, NAMES[:2], NAMES[1:], {NAMES[1]: hold})
    path.write_text(scaling.dump())
    assert load_scaling(path) == scaling


@pytest.fixture
def scaling():
    return Scaling(("a", "b", "c"), (1.0, 2.0, 3.0), (1.0, 4.0, 0.5), ("b", "a"), ("c", "b"), {"b": 10.0})


def test_inputs_and_targets_are_scaled_by_name_and_targets_back(scaling):
    assert scaling.features == ("b", "a", "b missing")
    values = np.array([[np.nan, 1], [6, 2], [np.nan, 3]])
    inputs = scaling.scale_inputs(values, carry_forward(values, scaling.first()))
    assert inputs.dtype == np.float32 and inputs.tolist() == [[2, 0, 1], [1, 1, 0], [1, 2, 1]]
    assert scaling.scale_inputs(values[:1], carry_forward(values[:1], np.array([6.0, 0]))).tolist() == [[1, 0, 1]]
    targets = np.array([[[3.5, 2.0]], [[3.0, -2.0]]])
    assert scaling.scale_targets(targets).tolist() == [[[1, 0]], [[0, -1]]]
    assert scaling.unscale_targets(scaling.scale_targets(targets)).tolist() == targets.tolist()


WRONG = {  # changes to the content, what the message says
    "a key less": (
        {"means": None},
        "the keys columns, means, deviations, inputs, targets, held, received 'col",
    ),
    "a name twice": ({"columns": ["a", "a", "c"]}, "columns: names of columns, each once"),
    "an unknown input": ({"inputs": ["d"]}, r"inputs: names of columns, each once, received \['d'\]"),
    "no targets": ({"targets": []}, "targets: names"),
    "a number more": ({"means": [1, 2, 3, 4]}, "means: 3 numbers, one for each column"),
    "text": ({"means": [1, "2", 3]}, "finite numbers, received '2'"),
    "not finite": ({"deviations": [1, float("inf"), 3]}, "finite numbers, received inf"),
    "no number": ({"means": [1, float("nan"), 3]}, "finite numbers, received nan"),
    "a truth": ({"means": [1, True, 3]}, "finite numbers, received True"),
    "a deviation of 0": ({"deviations": [1, 0.0, 3]}, "deviations: numbers above 0, received 0.0"),
    "held, but no input": ({"held": {"c": 1.0}}, "held: inputs, each with a number"),
    "held without a number": ({"held": {"b": None}}, "finite numbers, received None"),
    "a long integer": ({"means": [1, 10**400, 3]}, "finite numbers, received"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_no_run_writes_is_refused(tmp_path, scaling, case):
    changes, says = WRONG[case]
    content = {**json.loads(scaling.dump()), **changes}
    path = tmp_path / "scaling.json"
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(InputError, match=f"scaling.json: expected {says}"):
        load_scaling(path)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "scaling.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="scaling.json: expected the (scaling|keys)"):
        load_scaling(path)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e30, 0.0])
def test_a_constant_column_has_deviation_1(tmp_path, value):
    spec = spec_of(tmp_path, [np.column_stack([np.full(1000, value), np.arange(1000.0)])], 1, {"horizon": 1})
    found = recordings_of(spec, 1, 10, 0, 0.0)
    assert found.dataset.scaling.means[0] == value and found.dataset.scaling.deviations[0] == 1
    assert not found.training.windows(0, 100).inputs[..., 0].any()


def test_without_scaling_numbers_stay_as_they_are(tmp_path):
    values = np.random.default_rng(0).normal(50, 9, (30, 2)).astype(np.float32)
    found = recordings_of(
        spec_of(tmp_path, [values], 1, {"scale": "none", "horizon": 0, "inputs": (0,), "targets": (1,)}), 1, 30, 0, 0.0
    )
    x, y, _, _ = found.training.windows(0, 1)
    np.testing.assert_array_equal(np.concatenate([x, y], axis=-1)[0, 0], values)
