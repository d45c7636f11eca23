"""The zoo's models in somebody's own Keras code: fit, callbacks, files, loops, and the state in all of them."""

import copy
import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from tests.helpers.rows import few

BATCH, LENGTH, VOCAB = 3, 7, 5
IDS = np.random.default_rng(0).integers(0, VOCAB, 320)
KINDS = {"single": 4, "stacked_cells": [4, 6], "stacked_layers": [4, 6]}
ENCODINGS = {"scalar": {}, "one_hot": {}, "embedding": {"embedding_dim": 3}, "features": {"input_dim": 2}}
EACH = few(["single", "stacked_cells", "stacked_layers"], ["stacked_cells"])  # layers side by side are few cells
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def built(kind="stacked_cells", encoding="one_hot", **compiled):
    sizes = {"vocab_size": VOCAB, "batch_size": BATCH, "seed": 1, **ENCODINGS[encoding]}
    model = lstmzoo.build_model({"kind": kind, "units": KINDS[kind]}, encoding=encoding, **sizes)
    model.compile(keras.optimizers.Adam(0.02), CROSS_ENTROPY, **compiled)
    return model


def windows(first, last, encoding="one_hot"):
    ids = IDS[first:last]
    if encoding != "features":
        return lstmzoo.windows(ids, BATCH, LENGTH)
    return lstmzoo.windows(np.stack([ids, ids % 2], 1)[:-1], BATCH, LENGTH, ids[1:])


TRAINING, VALIDATION = windows(0, 220), windows(220, None)  # ten windows, and four


def as_arrays(dataset):
    return [np.stack(part) for part in zip(*dataset.as_numpy_iterator(), strict=True)]


def assert_equal(found, wanted):
    for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(wanted), strict=True):
        np.testing.assert_array_equal(one, other)


class Steps(keras.callbacks.Callback):
    """Each step's own loss (Keras logs the mean of the epoch so far), and the states at some moments."""

    def __init__(self):
        super().__init__()
        self.losses, self.states = [], {"epoch": [], "test": []}

    def on_epoch_begin(self, epoch, logs=None):
        self.states["epoch"].append(lstmzoo.get_states(self.model))

    def on_test_begin(self, logs=None):
        self.states["test"].append(lstmzoo.get_states(self.model))

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        self.model.reset_metrics()


def fitted(model, epochs=2, reset=True, data=TRAINING, **options):
    steps = Steps()
    callbacks = [*([lstmzoo.ResetStates()] if reset else []), steps, *options.pop("callbacks", [])]
    history = model.fit(data, epochs=epochs, verbose=0, callbacks=callbacks, **options)
    return steps, history.history


@functools.cache
def plain(kind, epochs=2):
    """Losses, weights and states of training without any validation."""
    model = built(kind)
    return fitted(model, epochs)[0].losses, model.get_weights(), lstmzoo.get_states(model)


@pytest.mark.parametrize("kind", EACH)
def test_validation_leaves_training_alone(kind):
    model = built(kind)
    steps, history = fitted(model, validation_data=VALIDATION)
    assert_equal((steps.losses, model.get_weights(), lstmzoo.get_states(model)), plain(kind))
    moments = steps.states["epoch"] + steps.states["test"]
    assert len(moments) == 4
    assert not any(part.any() for part in tf.nest.flatten(moments))
    lstmzoo.reset_states(model)
    assert history["val_loss"][-1] == model.evaluate(VALIDATION, verbose=0)


def test_without_it_keras_carries_on_and_validates_on_the_state_of_training():
    """What all this is for; should Keras ever mend it, ResetStates would be of no use."""
    model = built()
    steps, _ = fitted(model, reset=False, validation_data=VALIDATION)
    losses, _, states = plain("stacked_cells")
    np.testing.assert_array_equal(steps.losses[:10], losses[:10])
    assert np.abs(np.subtract(steps.losses[10:], losses[10:])).max() > 1e-4
    assert all(part.any() for part in tf.nest.flatten(steps.states["test"]))
    assert not np.array_equal(lstmzoo.get_states(model)[0], states[0])


@pytest.mark.parametrize("kind", EACH)
def test_the_losses_are_those_of_train_windows(kind):
    model, (x, y) = built(kind), as_arrays(TRAINING)
    found = []
    for _ in range(2):
        lstmzoo.reset_states(model)
        found.append(
            lstmzoo.train_windows(model, model.optimizer, x, y, kernel="auto" if kind == "single" else "keras")
        )
    losses, weights, states = plain(kind)
    np.testing.assert_allclose(np.concatenate(found), losses, atol=2e-5)
    for one, other in zip(
        [*model.get_weights(), *sum(lstmzoo.get_states(model), ())], [*weights, *sum(states, ())], strict=True
    ):
        np.testing.assert_allclose(one, other, atol=4e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"validation_freq": 2},
        {"validation_freq": [1], "validation_steps": 2},
        {
            "validation_data": tuple(part[:3].reshape(-1, LENGTH) for part in as_arrays(VALIDATION)),
            "validation_batch_size": BATCH,
        },
    ],
    ids=["every second epoch", "some epochs, part of it", "arrays"],
)
def test_however_validation_is_asked_for(options):
    model = built()
    steps, history = fitted(model, **{"validation_data": VALIDATION, **options})
    assert len(steps.states["test"]) == len(history["val_loss"]) == (1 if "validation_freq" in options else 2)
    assert_equal((steps.losses, model.get_weights(), lstmzoo.get_states(model)), plain("stacked_cells"))


@pytest.mark.slow
def test_many_steps_an_execution():
    model = built(steps_per_execution=4)
    steps, _ = fitted(model, validation_data=VALIDATION)
    assert not any(part.any() for part in tf.nest.flatten(steps.states))
    assert_equal((model.get_weights(), lstmzoo.get_states(model)), plain("stacked_cells")[1:])


@pytest.fixture(scope="module")
def trained():
    model = built()
    fitted(model, 1)
    return model


def test_evaluation_and_prediction_start_from_zero_and_put_back_what_they_found(trained):
    before = lstmzoo.get_states(trained)
    for call in (trained.evaluate, trained.predict):
        found = [call(VALIDATION, verbose=0, callbacks=[lstmzoo.ResetStates()]) for _ in range(2)]
        assert_equal(*found)
        assert_equal(lstmzoo.get_states(trained), before)
        lstmzoo.reset_states(trained)
        assert_equal(call(VALIDATION, verbose=0), found[0])
        assert not np.array_equal(call(VALIDATION, verbose=0), found[0])  # Keras alone goes on from there
        lstmzoo.set_states(trained, before)


def test_a_callback_that_predicts_while_fit_validates():
    class Predicts(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.predict(VALIDATION, verbose=0, callbacks=[reset])

    model, reset = built(), lstmzoo.ResetStates()
    steps = Steps()
    history = model.fit(TRAINING, epochs=2, verbose=0, validation_data=VALIDATION, callbacks=[reset, steps, Predicts()])
    assert_equal((steps.losses, model.get_weights(), lstmzoo.get_states(model)), plain("stacked_cells"))
    assert history.history["val_loss"][-1] == model.evaluate(VALIDATION, verbose=0, callbacks=[reset])


def test_states_of_any_layer_are_meant_however_deep():
    inner = lstmzoo.build_model("echo_4_5_cells", vocab_size=None, encoding="features", input_dim=2, batch_size=BATCH)
    x = keras.Input(batch_shape=(BATCH, None, 2))
    gru = keras.layers.Bidirectional(keras.layers.GRU(3, stateful=True, return_sequences=True))
    model = keras.Model(x, keras.layers.Dense(VOCAB)(gru(inner(x))))
    model.compile("sgd", CROSS_ENTROPY)
    data = windows(0, 60, "features")
    model.predict(data, verbose=0)
    states = [
        *sum(lstmzoo.get_states(inner), ()),
        *(layer.states[0].numpy() for layer in (gru.forward_layer, gru.backward_layer)),
    ]
    assert all(part.any() for part in states)
    found = [model.evaluate(data, verbose=0, callbacks=[lstmzoo.ResetStates()]) for _ in range(2)]
    assert found[0] == found[1] != model.evaluate(data, verbose=0)


def test_a_model_that_is_built_when_it_is_first_called():
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.lstm = keras.layers.LSTM(4, stateful=True, return_sequences=True)
            self.logits = keras.layers.Dense(VOCAB)

        def call(self, x):
            return self.logits(self.lstm(tf.cast(x, tf.float32)))

    model, data = Late(), windows(0, 60, "features")
    model.compile("sgd", CROSS_ENTROPY)
    found = [model.evaluate(data, verbose=0, callbacks=[lstmzoo.ResetStates()]) for _ in range(2)]
    assert found[0] == found[1]
    assert not any(part.numpy().any() for part in model.lstm.states)


def test_a_model_without_state_is_refused():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="plain")
    model.compile("sgd", "mse")
    with pytest.raises(InputError, match="model: expected one with a stateful recurrent layer, received 'plain'"):
        model.fit(np.zeros((4, 2)), np.zeros((4, 1)), verbose=0, callbacks=[lstmzoo.ResetStates()])


FILES = [("single", "embedding"), ("stacked_cells", "one_hot"), ("stacked_layers", "scalar")]


@pytest.mark.parametrize(("kind", "encoding"), few(FILES, FILES[1:2]))
def test_models_weights_and_states_outlive_their_files(tmp_path, kind, encoding):
    data, validation = (windows(*part, encoding) for part in ((0, 110), (220, None)))
    model, reset = built(kind, encoding), [lstmzoo.ResetStates()]
    whole, weights = str(tmp_path / "{epoch}.keras"), str(tmp_path / "{epoch}.weights.h5")
    stopping = keras.callbacks.EarlyStopping("val_loss", baseline=0.0, restore_best_weights=True)  # none is below 0
    kept = [keras.callbacks.ModelCheckpoint(whole), keras.callbacks.ModelCheckpoint(weights, save_weights_only=True)]
    _, history = fitted(model, 5, data=data, validation_data=validation, callbacks=[*kept, stopping])
    best = int(np.argmin(history["val_loss"]))
    assert stopping.stopped_epoch == 1
    states = lstmzoo.get_states(model)  # the last window's, whichever weights came back
    assert all(part.any() for part in tf.nest.flatten(states))
    loaded, other = keras.models.load_model(whole.format(epoch=best + 1)), built(kind, encoding)
    other.load_weights(weights.format(epoch=best + 1))
    assert not any(part.any() for part in tf.nest.flatten(lstmzoo.get_states(loaded)))  # Keras's files hold none
    for again in (model, loaded, other):
        assert again.evaluate(validation, verbose=0, callbacks=reset) == history["val_loss"][best]


@pytest.mark.parametrize(
    ("kind", "encoding"),
    few([("stacked_cells", "embedding"), ("single", "features")], [("stacked_cells", "embedding")]),
)
def test_a_loaded_model_goes_on_with_its_slots_and_the_states_that_it_is_given(tmp_path, kind, encoding):
    model, (x, y) = built(kind, encoding), as_arrays(windows(0, 220, encoding))
    lstmzoo.train_windows(model, model.optimizer, x[:5], y[:5], kernel="keras")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    lstmzoo.set_states(loaded, lstmzoo.get_states(model))
    losses = [lstmzoo.train_windows(some, some.optimizer, x[5:], y[5:], kernel="keras") for some in (model, loaded)]
    assert_equal(*losses)
    assert_equal(*([some.get_weights(), lstmzoo.get_states(some)] for some in (model, loaded)))


@pytest.mark.parametrize("first", few(["fit", "train_windows"], ["fit"]))
def test_fit_and_train_windows_share_states_and_slots(first):
    """Half an epoch each, in one model with one optimizer, is an epoch."""
    model, (x, y) = built("stacked_cells"), as_arrays(TRAINING)
    parts = {"fit": lambda data, *_: fitted(model, 1, False, data)[0].losses}
    parts["train_windows"] = lambda _, x, y: lstmzoo.train_windows(model, model.optimizer, x, y, kernel="scan")
    halves = [(TRAINING.take(5), x[:5], y[:5]), (TRAINING.skip(5), x[5:], y[5:])]
    names = [first, *(name for name in parts if name != first)]
    found = [parts[name](*half) for name, half in zip(names, halves, strict=True)]
    losses, _, _ = plain("stacked_cells")
    np.testing.assert_allclose(np.concatenate(found), losses[:10], atol=2e-5)
    assert int(model.optimizer.iterations) == 10


@pytest.mark.parametrize("kind", EACH)
def test_a_loop_of_ones_own_carries_the_state(kind):
    model = built(kind)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = CROSS_ENTROPY(y, model(x, training=True))
        model.optimizer.minimize(loss, model.trainable_variables, tape)
        return loss

    found = []
    for _ in range(2):
        model.reset_states()
        found += [step(x, y) for x, y in TRAINING]
    losses, _, states = plain(kind)
    np.testing.assert_allclose(found, losses, atol=2e-5)
    np.testing.assert_allclose(lstmzoo.get_states(model)[0], states[0], atol=4e-4)


@pytest.mark.parametrize("kind", few(["stacked_cells", "single"], ["stacked_cells"]))
def test_a_copy_has_states_of_its_own(kind):
    model = built(kind)
    lstmzoo.train_windows(
        model, model.optimizer, *as_arrays(VALIDATION), kernel="keras"
    )  # leaves its programs on the model
    copies = [keras.models.clone_model(model), copy.deepcopy(model)]
    copies[0].set_weights(model.get_weights())
    lstmzoo.reset_states(copies[1])
    states = lstmzoo.get_states(model)
    wanted = model.predict(VALIDATION, verbose=0, callbacks=[lstmzoo.ResetStates()])
    for other in copies:
        assert_equal(other.predict(VALIDATION, verbose=0), wanted)
        assert_equal(lstmzoo.get_states(model), states)
