"""The same weights in a model of another batch size or kind: nothing but what was asked for changes."""

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.models.anatomy import dissect
from lstmzoo.models.blueprint import HeadWeights, LayerWeights, Weights, draw_up
from lstmzoo.models.rebuild import blueprint_of, build
from tests.helpers.products import rounding_of_rows

SIZES = {"scalar": {}, "one_hot": {}, "embedding": {"embedding_dim": 3}, "features": {"input_dim": 6}}
DEEP = {"kind": "stacked_cells", "units": [4, 7], "dropout": 0.25, "recurrent_activation": "hard_sigmoid"}


def built(description=DEEP, encoding="one_hot", vocab_size=5, batch_size=2, **sizes):
    sizes = {**SIZES[encoding], **sizes}
    model = lstmzoo.build_model(
        description, vocab_size=vocab_size, encoding=encoding, batch_size=batch_size, seed=3, **sizes
    )
    generator = np.random.default_rng(0)  # as if trained: no weight is what build_model drew
    model.set_weights([generator.normal(0, 0.5, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def inputs(encoding, batch_size=2, length=3):
    shape = (batch_size, length, 6) if encoding == "features" else (batch_size, length)
    return np.random.default_rng(1).integers(0, 5, shape)


def assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("encoding", SIZES)
def test_the_blueprint_says_what_was_built(encoding):
    model = built(encoding=encoding, vocab_size=5, seq_length=3)
    found = blueprint_of(model)
    assert (found.encoding, found.vocab_size, found.batch_size, found.seq_length) == (encoding, 5, 2, 3)
    assert found.input_dim == (6 if encoding == "features" else None)
    assert found.spec.layers == (4, 7)
    assert found.spec.model_dump(include={"kind", "dropout", "recurrent_activation"}) == {
        name: value for name, value in DEEP.items() if name != "units"
    }
    assert found.spec.embedding_dim == (3 if encoding == "embedding" else None)
    size = {"scalar": 1, "one_hot": 5, "embedding": 3, "features": 6}[encoding]
    assert [w.shape for w in found.weights.layers[0]] == [(size, 16), (4, 16), (16,)]
    assert [w.shape for w in found.weights.layers[1]] == [(4, 28), (7, 28), (28,)]
    assert [w.shape for w in found.weights.head] == [(7, 5), (5,)]
    assert found.weights.layers[1].units == 7
    for one, other in zip(found.weights.in_order(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same_weights(build(found), model)


def test_a_blueprint_is_a_copy():
    model = built()
    found = blueprint_of(model)
    before = [part.copy() for part in found.weights.in_order()]
    model.set_weights([w + 1 for w in model.get_weights()])
    for one, other in zip(found.weights.in_order(), before, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("ending", [None, "keras", "h5"])
@pytest.mark.parametrize("encoding", ["one_hot", "embedding"])
def test_another_batch_size(tmp_path, encoding, ending):
    model = built(encoding=encoding)
    model.compile("sgd", "mse")
    model(inputs(encoding))
    if ending:
        model.save(tmp_path / f"m.{ending}")
        model = keras.models.load_model(tmp_path / f"m.{ending}")
    other = lstmzoo.rebatch(model, 4)
    assert other.input_shape == (4, None)
    assert not any(part.any() for pair in lstmzoo.get_states(other) for part in pair)
    assert [part.shape for pair in lstmzoo.get_states(other) for part in pair] == [(4, 4), (4, 4), (4, 7), (4, 7)]
    assert_same_weights(other, model)
    assert other.optimizer is None
    assert dissect(other).dropout == (0.0, 0.25, 0.0)
    lstmzoo.reset_states(model)
    x = inputs(encoding, 4)
    np.testing.assert_allclose(other(x)[:2], model(x[:2]), rtol=0, atol=rounding_of_rows())


@pytest.mark.parametrize("kind", ["single", "stacked_cells", "stacked_layers"])
@pytest.mark.parametrize("source", ["single", "stacked_cells", "stacked_layers"])
def test_another_kind_goes_on_where_the_model_is(source, kind):
    depth = 1 if "single" in (source, kind) else 3
    model = built({"kind": source, "units": 4, "depth": depth, "dropout": 0.25})
    model(inputs("one_hot"))
    states = lstmzoo.get_states(model)
    other = lstmzoo.as_kind(model, kind)
    assert_same_weights(other, model)
    assert blueprint_of(other).spec.kind == (kind if depth > 1 or kind == "stacked_cells" else "single")
    for pair, wanted in zip(lstmzoo.get_states(other), states, strict=True):
        np.testing.assert_array_equal(pair, wanted)
    x = inputs("one_hot", length=50)
    np.testing.assert_allclose(other(x), model(x), atol=1e-6)
    for pair, wanted in zip(lstmzoo.get_states(other), lstmzoo.get_states(model), strict=True):
        np.testing.assert_allclose(pair, wanted, atol=1e-6)


def test_the_type_stays_whatever_the_defaults():
    keras.backend.set_floatx("float64")
    try:
        double = built(encoding="features", vocab_size=None)
        keras.mixed_precision.set_global_policy("mixed_float16")
        for model in (lstmzoo.rebatch(double, 3), lstmzoo.as_kind(double, "stacked_layers")):
            assert_same_weights(model, double)
            assert {w.dtype for w in model.get_weights()} == {np.dtype("float64")}
            assert model.input.dtype == "float64"
            assert model(inputs("features", model.input_shape[0])).dtype == "float64"
        assert keras.mixed_precision.global_policy().name == "mixed_float16"
        assert keras.backend.floatx() == "float64"
    finally:
        keras.mixed_precision.set_global_policy("float32")
        keras.mixed_precision.set_global_policy(None)  # follows floatx again
        keras.backend.set_floatx("float32")
    assert lstmzoo.rebatch(double, 1).get_weights()[0].dtype == np.float64
    assert keras.backend.floatx() == "float32"
    assert keras.mixed_precision.global_policy().name == "float32"
    keras.backend.set_floatx("float64")
    assert keras.mixed_precision.global_policy().name == "float64"  # it still follows
    keras.backend.set_floatx("float32")


def test_layers_that_hold_one_or_several_cells_are_one_stack():
    cells = [keras.layers.LSTMCell(units) for units in (4, 5)]
    stack = keras.layers.RNN(keras.layers.StackedRNNCells(cells), return_sequences=True, stateful=True)
    top = keras.layers.RNN(keras.layers.LSTMCell(6), return_sequences=True, stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(2, 3, 6)), stack, top])
    other = lstmzoo.rebatch(model, 2)
    assert blueprint_of(model).spec.kind == "stacked_layers"
    np.testing.assert_allclose(other(inputs("features")), model(inputs("features")), atol=1e-6)


def foreign(*layers, batch_shape=(2, None, 3), **dense):
    options = {"return_sequences": True, "stateful": True}
    made = [keras.layers.LSTM(2, **options, **layer) if isinstance(layer, dict) else layer for layer in layers]
    return keras.Sequential([keras.Input(batch_shape=batch_shape), *made])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [{}, keras.layers.SpatialDropout1D(0.1), {}, {}],
            r"^dropout: expected one rate in all layers, received \[0.1, 0.0\]",
        ),
        (
            [{}, {"recurrent_activation": "hard_sigmoid"}],
            r"expected one type and one gate activation in all layers, received \['hard_sigmoid', 'sigmoid'\]",
        ),
        (
            [{}, keras.layers.Dense(2, dtype="float64")],
            r"expected one type and one gate activation in all layers, received \['float32', 'float64'\]",
        ),
    ],
)
def test_what_no_description_gives_is_refused(layers, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.rebatch(foreign(*layers), 1)


def test_symbols_that_are_no_classes_are_refused():
    table = keras.layers.Embedding(9, 3)
    model = foreign(table, {}, keras.layers.Dense(2), batch_shape=(1, None))
    with pytest.raises(InputError, match="as many rows as the head has classes, received 9 rows and 2 classes"):
        lstmzoo.rebatch(model, 1)
    with pytest.raises(InputError, match="received 9 rows and no head: remove the embedding and use 'features'"):
        lstmzoo.rebatch(foreign(keras.layers.Embedding(9, 3), {}, batch_shape=(1, None)), 1)


def test_impossible_sizes_and_kinds_are_one_message():
    model = built()
    with pytest.raises(InputError, match="batch_size: expected an integer >= 1, received 0"):
        lstmzoo.rebatch(model, 0)
    with pytest.raises(InputError, match="batch_size: expected an integer >= 1, received None"):
        lstmzoo.rebatch(model, None)
    with pytest.raises(InputError, match="expected depth 1 with kind single"):
        lstmzoo.as_kind(model, "single")
    with pytest.raises(
        InputError, match="model kind: expected single, stacked_cells or stacked_layers, received 'gru'"
    ):
        lstmzoo.as_kind(model, "gru")


@pytest.mark.parametrize(
    ("encoding", "size", "options", "message"),
    [
        ("onehot", 5, {}, "encoding: expected a known one, received 'onehot'; did you mean one_hot"),
        ("embedding", 5, {}, "'embedding' where there is an embedding, and only there, received 'embedding' and no embedding"),
        ("features", 5, {"table": (5, 5)}, r"only there, received 'features' and an embedding \[5, 5\]"),
        ("embedding", 5, {"table": (5, 4)}, r"embedding: expected shape \[V, 5\], as layer 0 takes 5 features, received \[5, 4\]"),
        ("scalar", 5, {}, "encoding: expected 1 input features with 'scalar', received 5: use 'features'"),
        ("one_hot", 4, {}, "encoding: expected 5 input features with 'one_hot', received 4: use 'features'"),
        ("one_hot", 5, {"head": False}, "expected 'features' for a model without a head, received 'one_hot'"),
        ("features", 5, {"dropout": 1.5}, "model dropout: expected less than 1"),
    ],
)  # fmt: skip
def test_encodings_that_do_not_fit_are_refused(encoding, size, options, message):
    zeros = np.zeros
    layer = LayerWeights(zeros((size, 8)), zeros((2, 8)), zeros(8))
    head = HeadWeights(zeros((2, 5)), zeros(5)) if options.get("head", True) else None
    table = zeros(options["table"]) if "table" in options else None
    with pytest.raises(InputError, match=message):
        draw_up(Weights((layer,), head, table), encoding, dropout=options.get("dropout", 0.0))
