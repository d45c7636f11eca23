"""Names and shapes say what each tensor is; the order in which a mapping or a file gives them never does."""

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings, strategies as st

import lstmzoo
from lstmzoo.convert import torch_files
from lstmzoo.convert.tf1_names import sort_variables
from lstmzoo.convert.torch_names import shapes_of, sort_tensors
from lstmzoo.convert.torch_roles import FRONT, HEAD, TABLE, possible_roles
from lstmzoo.errors import InputError
from tests.convert.test_torch_and_tf1 import H, dense, lstm, tf1_arrays, variables, weights, zeros
from tests.helpers.rows import few

PLAIN = {"a.weight": zeros(2, 2), "b.weight": zeros(2, 2)}
BIASED = {"b.weight": zeros(2, 2), "b.bias": zeros(2)}
STACKS = {  # tensors: (Embedding, Linear), or part of the message; D = H = V = 2 where shapes tell nothing
    "sequential": (
        {"0.weight": zeros(2, 2), "2.weight": zeros(2, 2)} | lstm("1.", size=2),
        ("0.weight", "2.weight"),
    ),
    "sequential within": (
        {"net.9.weight": zeros(2, 2), "net.11.weight": zeros(2, 2)} | lstm("net.10.lstm.", size=2),
        ("net.9.weight", "net.11.weight"),
    ),
    "shapes": ({"a.weight": zeros(5, 3), "b.weight": zeros(5, 2)} | lstm(), ("a.weight", "b.weight")),
    "bias": (lstm(size=2) | {"a.weight": zeros(2, 2)} | BIASED, ("a.weight", "b.weight")),
    "one name": (lstm(size=2) | {"a.weight": zeros(2, 2), "wte.weight": zeros(2, 2)}, ("wte.weight", "a.weight")),
    "the other's name": (lstm(size=2) | {"a.weight": zeros(2, 2), "fc.weight": zeros(2, 2)}, ("a.weight", "fc.weight")),
    "head by shape": (lstm(size=3) | {"a.weight": zeros(5, 2), "a.bias": zeros(5)}, (None, "a.weight")),
    "nothing tells": (lstm(size=2) | PLAIN, "names that show which .* received a.weight, b.weight: pass a mapping"),
    "table or head": (lstm(size=2) | {"a.weight": zeros(5, 2)}, "names that show which"),
    "head or in front": (lstm(size=2) | BIASED, "names that show which"),
    "numbered in front": (lstm("1.", size=2) | {"0.weight": zeros(2, 2), "0.bias": zeros(2)}, "0.weight: .* in front"),
    "in front by name": (lstm(size=2) | {"inp.weight": zeros(2, 2), "inp.bias": zeros(2)}, "inp.weight: .* in front"),
    "in front by shape": (lstm(size=3) | {"a.weight": zeros(3, 7), "a.bias": zeros(3)}, "a.weight: .* in front"),
    "between": (
        lstm("0.", size=2) | {"1.weight": zeros(2, 2), "1.bias": zeros(2)} | lstm("2.", size=2),
        "numbered without a gap, received '0.', '2.'",
    ),
    "two tables": (lstm() | {"a.weight": zeros(5, 3), "b.weight": zeros(5, 3)}, "at most one Embedding"),
    "three": (
        lstm(size=2) | {f"{name}.weight": zeros(5, 2) for name in "abc"},
        "expected one Embedding and one Linear, received .*: pass a mapping",
    ),
    "a part twice": (lstm(**{"lstm.weight_hh_l00": zeros(8, 2)}), "each part of a layer once, received"),
}


def read(tensors):
    """(Embedding, Linear), or the message."""
    try:
        names = sort_tensors(shapes_of(tensors))
    except InputError as error:
        return str(error)
    return names.embedding, names.linear.get("weight")


@pytest.mark.parametrize("name", STACKS)
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_any_order_is_read_alike(name, data):
    tensors, wanted = STACKS[name]
    found = read(dict(data.draw(st.permutations(list(tensors.items())))))
    if isinstance(wanted, tuple):
        assert found == wanted
    else:
        with pytest.raises(InputError, match=wanted):
            raise InputError(found)


@pytest.mark.parametrize("turn", few([0, 1, 2], [0]))
def test_a_safetensors_file_is_the_same_model_whatever_order_the_library_gives(tmp_path, monkeypatch, turn):
    generator = np.random.default_rng(turn)
    tensors = lstm("1.lstm.", size=2) | {"0.weight": zeros(2, 2), "2.weight": zeros(2, 2)}
    tensors = {name: generator.normal(size=value.shape).astype(np.float32) for name, value in tensors.items()}
    safetensors.numpy.save_file(tensors, tmp_path / "m.safetensors")
    given_by_the_library = torch_files.safetensors.deserialize
    monkeypatch.setattr(
        torch_files.safetensors, "deserialize", lambda content: generator.permutation(given_by_the_library(content))
    )
    embedding, *_, head, _ = lstmzoo.from_torch(tmp_path / "m.safetensors").get_weights()
    np.testing.assert_array_equal(embedding, tensors["0.weight"])
    np.testing.assert_array_equal(head, tensors["2.weight"].T)


def test_roles_that_names_and_shapes_leave():
    tensors = lstm(size=2) | dense("a", 2) | {"b.weight": zeros(5, 2)}
    modules = {"a": {"weight": "a.weight", "bias": "a.bias"}, "b": {"weight": "b.weight"}}
    assert possible_roles(modules, shapes_of(tensors), "lstm.weight_ih_l0", "lstm.weight_hh_l0") == {
        "a.weight": {HEAD},
        "b.weight": {HEAD, TABLE},
    }
    alone = {"a": modules["a"]}
    assert possible_roles(alone, shapes_of(tensors), "lstm.weight_ih_l0", "lstm.weight_hh_l0") == {
        "a.weight": {HEAD, FRONT}
    }


@given(order=st.permutations(range(len(variables()))))
@settings(max_examples=10, deadline=None)
def test_variables_of_tensorflow_1_are_read_alike_in_any_order(order):
    found = list(variables(softmax_w=weights(2).head.kernel, softmax_b=weights(2).head.bias).items())
    cells, head, _ = sort_variables(dict([found[n] for n in order] + found[len(order) :]))
    for pair, wanted in zip([*cells, head], [*tf1_arrays(weights(2)), weights(2).head], strict=True):
        for one, other in zip(pair, wanted, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            "model/rnn/multi_rnn_cell/cell_0/lstm_cell/kernel",
            "each part of a cell once, received .*_lstm_cell/kernel and",
        ),
        ("model/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/weights", "each part of a cell once"),
        (
            "model/rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel:0",
            "each variable once, received one with and without",
        ),
    ],
)
def test_a_variable_under_two_names_is_refused(other, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_tf1(variables(**{other: zeros(2 * H, 4 * H)}))
