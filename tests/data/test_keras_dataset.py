"""Windows for Keras's own `fit`: the lanes of the tasks, read from the array as they are needed."""

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.data import keras_dataset
from lstmzoo.data.lanes import cut_windows
from lstmzoo.errors import InputError
from lstmzoo.tasks.char import Char, CharSpec
from lstmzoo.tasks.echo import Echo, EchoSpec


def all_of(dataset):
    """x and y as `[K, B, T]`."""
    x, y = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.stack(x), np.stack(y)


def as_lanes(found):
    """`[K, B, T]` back to lanes `[B, K T]`."""
    return found.swapaxes(0, 1).reshape(found.shape[1], -1)


def assert_windows(dataset, lanes, seq_length):
    count = lanes.inputs.shape[1] // seq_length
    assert len(dataset) == count > 0
    for found, part in zip(all_of(dataset), (lanes.inputs, lanes.targets), strict=True):
        np.testing.assert_array_equal(found, cut_windows(part, seq_length, 0, count))


@pytest.mark.parametrize("piece", [1, 300, 1 << 18])
@pytest.mark.parametrize("length", [100, 101, 102, 103, 104, 139])
def test_rows_go_on_and_the_target_is_the_next_symbol(monkeypatch, length, piece):
    monkeypatch.setattr(keras_dataset, "PIECE", piece)
    dataset = lstmzoo.windows(np.arange(length), 4, 5)
    x, y = all_of(dataset)
    windows = (length // 4 if length % 4 else length // 4 - 1) // 5
    assert x.shape == y.shape == (windows, 4, 5)
    np.testing.assert_array_equal(as_lanes(x), np.arange(4)[:, None] * (length // 4) + np.arange(windows * 5))
    np.testing.assert_array_equal(y, x + 1)


@pytest.mark.parametrize("length", [120, 121, 122, 135])
def test_the_lanes_are_those_of_the_char_task(tmp_path, monkeypatch, length):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "text.txt"
    path.write_text("".join(chr(97 + n % 23) for n in range(length)))
    task = Char(CharSpec(kind="char", text=str(path)), 3, 0, 0.1)
    dataset = lstmzoo.windows(task.parts.training, 3, 7)
    assert_windows(dataset, task.epoch_lanes(0), 7)
    assert len(dataset) == task.windows(7)[0]
    assert_windows(lstmzoo.windows(task.parts.validating, 3, 2), task.validation().lanes, 2)


@pytest.mark.parametrize("length", [100, 104])
def test_with_targets_the_lanes_are_those_of_the_echo_task(length):
    task = Echo(EchoSpec(kind="echo", series_length=length), 5, seed=0)
    lanes = task.epoch_lanes(0)
    stream, echo = (np.concatenate([part.ravel(), np.zeros(length % 5, np.uint8)]) for part in lanes[:2])
    assert_windows(lstmzoo.windows(stream, 5, 6, targets=echo), lanes, 6)


@pytest.mark.parametrize("targets", [np.arange(50), np.arange(100.0).reshape(50, 2)])
def test_features_keep_their_order(targets):
    features = np.random.default_rng(0).normal(size=(100, 3))[::2]  # and are not contiguous
    x, y = all_of(lstmzoo.windows(features, 2, 4, targets))
    assert x.shape == (6, 2, 4, 3)
    assert y.shape == (6, 2, 4, *targets.shape[1:])
    for lane in range(2):
        np.testing.assert_array_equal(x[:, lane].reshape(24, 3), features[25 * lane :][:24].astype("float32"))
        np.testing.assert_array_equal(y[:, lane].reshape(24, -1), targets.reshape(50, -1)[25 * lane :][:24])


def test_every_epoch_is_the_same():
    dataset = lstmzoo.windows(np.arange(41), 2, 4)
    first, second = all_of(dataset), all_of(dataset)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(all_of(dataset.repeat(2))[0], np.concatenate([first[0]] * 2))


@pytest.mark.parametrize(
    "stream", [np.arange(82)[::2], np.arange(41)[::-1], list(range(41)), np.arange(41, dtype=">i2")]
)
def test_any_array_will_do(stream):
    np.testing.assert_array_equal(
        all_of(lstmzoo.windows(stream, 2, 4)), all_of(lstmzoo.windows(np.array(stream), 2, 4))
    )


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("bool int8 uint8 int16 uint16 int32", "int32"),
        ("uint32 int64 uint64", "int64"),
        ("float16 float32 float64", "float32"),
    ],
)
def test_types_are_those_that_keras_takes(given, wanted):
    for dtype in given.split():
        for spec in lstmzoo.windows(np.zeros(10, dtype), 2, 3, np.zeros(10, dtype)).element_spec:
            assert spec.dtype == wanted
            assert spec.shape == (2, 3)


def test_a_mapped_array_stays_on_disk(tmp_path):
    """8 GB of it, a hole in the file: a copy would not fit in the memory of most machines, or take its time."""
    stream = np.memmap(tmp_path / "ids", np.uint16, "w+", shape=(4_000_000_000,))
    stream[1:6] = 7, 8, 9, 10, 11
    dataset = lstmzoo.windows(stream, 4, 5)
    assert len(dataset) == 199_999_999
    (x, y), _ = dataset.take(2).as_numpy_iterator()
    np.testing.assert_array_equal(x[0], [0, 7, 8, 9, 10])
    np.testing.assert_array_equal(y[0], [7, 8, 9, 10, 11])


@pytest.mark.parametrize(
    ("stream", "sizes", "message"),
    [
        (
            np.zeros(20),
            (4, 5),
            "array: expected 21 symbols or more, a window of 5 in each of 4 lanes and a last target",
        ),
        (np.zeros(20), (4, 5), "received 20: take a longer one, or lower batch_size or seq_length"),
        (np.zeros(0), (1, 1), "array: expected 2 symbols or more, .* received 0"),
        (
            np.zeros(19),
            (4, 5, np.zeros(19)),
            "array: expected 20 symbols or more, a window of 5 in each of 4 lanes, rec",
        ),
        (np.zeros(()), (1, 1), r"array: expected one stream, shape \[N\] or \[N, D\], received shape \[\]"),
        (np.zeros((9, 0)), (1, 1, np.arange(9)), r"array: expected one stream, .* received shape \[9, 0\]"),
        (np.zeros(9), (1, 1, np.zeros((9, 0))), r"targets: expected one stream, .* received shape \[9, 0\]"),
        (np.full(9, 2**63, np.uint64), (1, 1), r"array: expected integers that an int64 holds, received larger ones"),
        (np.ma.zeros(9), (1, 1), r"array: expected plain numbers, received a masked array"),
        (np.zeros((9, 2, 2)), (1, 1), r"array: expected one stream, .* received shape \[9, 2, 2\]"),
        (
            np.zeros((9, 2)),
            (1, 1),
            r"targets: expected an array, since features of shape \[9, 2\] have no next symbol, received None: pass",
        ),
        (np.zeros(9), (1, 1, np.zeros(8)), "targets: expected 9, one for each symbol, received 8"),
        (np.zeros(9), (1, 1, 5), r"targets: expected one stream, .* received shape \[\]"),
        (np.array(list("abc")), (1, 1), "array: expected numbers, received <U1: encode symbols as ids from 0 on"),
        ([[1], [2, 3]], (1, 1), r"array: expected numbers \[N\] or \[N, D\], received .*inhomogeneous"),
        (np.zeros(9), (1.5, 1), "batch_size: expected an integer >= 1, received 1.5"),
        (np.zeros(9), (0, 1), "batch_size: expected an integer >= 1, received 0"),
        (np.zeros(9), (1, "2"), "seq_length: expected an integer >= 1, received '2'"),
        (np.zeros(9), (1, True), "seq_length: expected an integer >= 1, received True"),
    ],
)
def test_what_does_not_fit_is_refused(stream, sizes, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.windows(stream, *sizes)


@pytest.mark.parametrize(("length", "batch_size", "seq_length"), [(21, 4, 5), (6, 1, 5), (3, 2, 1)])
def test_the_least_is_enough(length, batch_size, seq_length):
    assert len(lstmzoo.windows(np.zeros(length), batch_size, seq_length)) == 1
    assert len(lstmzoo.windows(np.zeros(length - 1), batch_size, seq_length, np.zeros(length - 1))) == 1


def test_each_target_is_weighed_by_its_own_class():
    """Keras itself, with `class_weight`, weighs all targets of a lane by the largest class over time."""
    generator, classes = np.random.default_rng(1), 20
    stream, table = generator.integers(0, classes, 101), 1.0 + np.arange(classes)
    data = lstmzoo.windows(stream, 2, 8, class_weight=dict(enumerate(table)))
    plain = lstmzoo.windows(stream, 2, 8)
    assert len(data) == len(plain) == 6
    logits = {}
    model = lstmzoo.build_model({"units": 4}, vocab_size=classes, encoding="one_hot", batch_size=2)
    losses = []
    for (x, y, weight), (plain_x, plain_y) in zip(data, plain, strict=True):
        np.testing.assert_array_equal(x, plain_x)
        np.testing.assert_array_equal(y, plain_y)
        np.testing.assert_array_equal(weight, table[y])
        logits = np.asarray(model(x), np.float64)
        loss = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, y.numpy()[..., None], -1)[..., 0]
        losses.append((loss * table[y]).mean())
    model.reset_states()
    model.compile(keras.optimizers.SGD(0.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    np.testing.assert_allclose(model.fit(data, verbose=0).history["loss"][0], np.mean(losses), rtol=1e-5)
    (*_, weight), *_ = lstmzoo.windows(np.zeros(9), 1, 4, np.ones(9, int), class_weight={1: 3, 0: 0})
    assert weight.numpy().tolist() == [[3.0] * 4]


@pytest.mark.parametrize(
    ("class_weight", "targets", "message"),
    [
        (
            {0: 1, 2: 1},
            None,
            "class_weight: expected a weight for each class from 0 on, as in .*, received {0: 1, 2: 1}",
        ),
        ({}, None, "a weight for each class"),
        ([1, 2], None, r"a weight for each class from 0 on, .* received \[1, 2\]"),
        ({"0": 1}, None, "a weight for each class"),
        ({0: 1, 1: -1}, None, "expected finite weights >= 0"),
        ({0: 1, 1: np.inf}, None, "expected finite weights >= 0"),
        ({0: 1, 1: "2"}, None, "expected finite weights >= 0"),
        ({0: 1, 1: 2}, None, "expected weights for all targets, 0 to 2, received them for 0 to 1"),
        ({0: 1, 1: 2}, -np.ones(9, int), "expected weights for all targets, -1 to -1, received them for 0 to 1"),
        ({0: 1, 1: 2}, np.zeros(9), r"expected targets that are classes, integers \[N\], received float64 \[9\]"),
        ({0: 1, 1: 2}, np.zeros((9, 1), int), r"expected targets that are classes, .* received int64 \[9, 1\]"),
    ],
)
def test_weights_of_classes_that_do_not_fit_are_refused(class_weight, targets, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.windows(np.arange(9) % 3, 1, 2, targets, class_weight=class_weight)
