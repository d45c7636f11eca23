"""Features of texts whose answer is known, and their correlations with cells that are made of them."""

import numpy as np
import pytest

from lstmzoo.inspect.correlations import Correlations, Saturation
from lstmzoo.inspect.features import Feature, delays, text_features


def feature(name, text):
    return {each.name: each.values for each in text_features(text)}[name].astype(int).tolist()


def marks(pattern):
    return [int(mark == "1") for mark in pattern]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('say "no" now', "000011100000"),
        ("say 'no' now", "000011100000"),
        ("it's Tom's hat", "00000000000000"),
        ('x = "a \\" b"', "000011111110"),
        ("x = r'a' + 1", "000001100000"),
        ('"""a\n"b"\n"""', "111111111110"),
        ("x = '\"' + y", "00001100000"),
        ("a 'b\nc' d", "000000000"),
        ('a "b\nc" d', "001111000"),
        ('a "b\n\nc" d', "0000000000"),
        ("“a” «b»", "1100110"),
        ('a "b', "0000"),
    ],
)
def test_inside_quotes(text, inside):
    assert feature("inside quotes", text) == marks(inside)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("f(a[1], b) c", "011111111000"),
        (":( and (b)", "0000000110"),
        ("(a] b)", "111110"),
        ("x = '(' + (1)", "0000000000110"),
        ("a) b", "0000"),
        ("(a", "00"),
    ],
)
def test_inside_brackets(text, inside):
    assert feature("inside brackets", text) == marks(inside)


def test_places_in_lines():
    text = "ab\n  c\n\n\td"
    assert feature("depth of indentation", text) == [0, 0, 0, 1, 2, 2, 2, 0, 8, 8]
    assert feature("place in the line", text) == [0, 1, 2, 0, 1, 2, 3, 0, 0, 1]
    assert feature("line ends", text) == marks("0010001100")


def test_words_and_capitals():
    assert feature("word starts", "It is 4 o'clock") == marks("100100101010000")
    assert feature("capitals", "Ab CÉ1") == marks("100110")


def test_an_input_of_some_steps_ago():
    found = delays(np.array([1, 0, 1, 1]), 2)
    assert [each.name for each in found] == ["input now", "input 1 step ago", "input 2 steps ago"]
    assert [each.values.tolist() for each in found] == [[1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 0]]


def test_no_text_has_no_features():
    assert [len(each.values) for each in text_features("")] == [0] * 7


def test_correlations_are_numpys():
    random = np.random.default_rng(0)
    features = [Feature(str(k), random.normal(size=1000).astype(np.float32)) for k in range(3)]
    cells = random.normal(100, 2, size=(1000, 5)) + 3 * features[1].values[:, None]
    found = Correlations(features, 5)
    for first in range(0, 1000, 300):
        found.add(first, cells[first : first + 300].astype(np.float32))
    wanted = np.corrcoef([each.values for each in features], cells.T)[:3, 3:]
    np.testing.assert_allclose(found.found(), wanted, atol=1e-5)
    mean, deviation = found.moments()
    np.testing.assert_allclose(mean, cells.mean(0), atol=1e-4)
    np.testing.assert_allclose(deviation, cells.std(0), atol=1e-4)


def test_steps_that_lack_a_value_do_not_count_for_that_feature():
    random = np.random.default_rng(0)
    values, cells = random.normal(size=(2, 200)).astype(np.float32), random.normal(5, 1, size=(200, 3))
    values[0, :90] = values[1, 150] = np.nan
    found = Correlations([Feature(str(k), each) for k, each in enumerate(values)], 3)
    for first in (0, 120):
        found.add(first, cells[first : first + 120])
    for row, feature in zip(found.found(), values, strict=True):
        known = np.isfinite(feature)
        np.testing.assert_allclose(row, np.corrcoef(feature[known], cells[known].T)[0, 1:], atol=1e-5)


def test_a_cell_that_is_made_of_a_feature_is_found():
    text = 'if x:\n    print("no", [1, 2])\n' * 40
    features = text_features(text)
    made = np.stack([2 * features[0].values - 1, -features[2].values, np.full(len(text), 0.3)], 1)
    found = Correlations(features, 3)
    found.add(0, made)
    correlations = found.found()
    assert correlations[0, 0] == pytest.approx(1)
    assert correlations[2, 1] == pytest.approx(-1)
    assert np.array_equal(correlations[:, 2], np.zeros(7))  # a cell that never changes tells nothing
    assert np.array_equal(correlations[6], np.zeros(3))  # nor is a text without capitals told by a cell


def test_shares_of_closed_and_open_gates():
    found = Saturation(2)
    gate = np.array([[0.05, 0.5], [0.95, 0.05], [0.99, 0.2], [0.85, 0.8]])
    found.add({"i": gate, "f": 1 - gate, "o": gate[:, ::-1]})
    shares = found.shares()
    assert shares["i"].tolist() == [[0.25, 0.25], [0.5, 0.0]]
    assert shares["f"].tolist() == [[0.5, 0.0], [0.25, 0.25]]
    assert shares["o"].tolist() == [[0.25, 0.25], [0.0, 0.5]]
