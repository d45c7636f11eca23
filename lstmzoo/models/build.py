"""Building a network from a description: a plain stateful `tf_keras.Model` of standard Keras layers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import tf_keras as keras

from lstmzoo.errors import InputError, check_count, did_you_mean, shown
from lstmzoo.models.blueprint import described
from lstmzoo.models.initializers import Uniform
from lstmzoo.models.spec import ENCODINGS, NUMBERS, ModelSpec, Sizes
from lstmzoo.system.machine import memory_limit

LARGEST = 2**31 - 1  # of a size
_GLOROT = keras.initializers.GlorotUniform


def build_model(
    model: str | Mapping[str, Any] | ModelSpec,
    *,
    vocab_size: int | None = None,
    encoding: str,
    batch_size: int,
    seq_length: int | None = None,
    input_dim: int | None = None,
    embedding_dim: int | None = None,
    outputs: int | None = None,
    seed: int = 0,
    **overrides: Any,
) -> keras.Model:
    """Build a stateful Keras model: `[B, T]` in (`[B, T, D]` for features), logits `[B, T, V]` out.

    `outputs=M`, with encoding "features", makes a model of M numbers in place of `vocab_size` symbols: `[B, T, M]` out.
    With neither there is no Dense layer and the output is the last layer's `[B, T, H]`. `model` is a name of the zoo, a
    mapping as in the YAML, or a `ModelSpec`; `overrides` such as `units=64` or `dropout=0.2` replace its values, and a
    list of units replaces the depth too. `seq_length=None` takes any T. Initial weights depend on the seed and the
    sizes alone, so all kinds start with equal ones: Glorot uniform kernels, orthogonal recurrent kernels, zero biases
    but 1 at the forget gate (Jozefowicz et al. 2015), unless it has an `initializer`. Weights, from the input up:
    embedding if any, for each layer kernel `[D, 4H]`, recurrent_kernel `[H, 4H]`, bias `[4H]` (gates i, f, c, o), then
    Dense kernel `[H, V]` and bias `[V]`, then the kernel `[D, M]` of the description's `skip`. Raises `InputError` for
    an impossible description or size.
    """
    spec = described(model, overrides)
    embedding_dim = embedding_dim if embedding_dim is not None else spec.embedding_dim
    _check(spec, encoding, vocab_size, batch_size, seq_length, input_dim, embedding_dim, seed)
    _check_numbers(spec, encoding, vocab_size, outputs)
    _check_head(spec, outputs or vocab_size)
    _check_memory(spec, encoding, Sizes(vocab_size, input_dim, outputs), embedding_dim, batch_size)
    seeds = _Seeds(seed, spec.initializer)
    symbols, x = _inputs(encoding, batch_size, seq_length, input_dim, vocab_size, embedding_dim, seeds)
    x = _dropped(x, spec.input_dropout, 0, seeds)
    x = (_cells if spec.kind == "stacked_cells" else _layers)(spec, x, seeds)
    if size := outputs or vocab_size:
        x = _dropped(x, spec.output_dropout, len(spec.layers), seeds)
        name = NUMBERS if outputs else "logits"
        x = keras.layers.Dense(size, name=name, **seeds.dense("logits"))(x)
    if spec.skip:
        linear = keras.layers.Dense(outputs, use_bias=False, name="skip", **seeds.dense("skip"))
        x = keras.layers.Add(name="sum")([x, linear(symbols)])
    return keras.Model(symbols, x, name=spec.kind)


class _Seeds:
    """Initializers whose draws depend on the run's seed and on the weight's place, not on the kind of model."""

    def __init__(self, seed: int, uniform: Uniform | None):
        self.seed, self.uniform = seed, uniform

    def of(self, *place: int | str) -> int:
        words = [int.from_bytes(str(part).encode(), "little") for part in place]
        return int(np.random.SeedSequence([self.seed, *words]).generate_state(1)[0] >> 1)

    def drawn(self, make: Callable[..., Any], *place: int | str) -> Any:
        """Return the initializer of a place: the model's own, or `make(seed=...)`."""
        own = None if self.uniform is None else partial(keras.initializers.RandomUniform, *self.uniform.ends)
        return (own or make)(seed=self.of(*place))

    def dense(self, name: str) -> dict[str, Any]:
        return {"kernel_initializer": self.drawn(_GLOROT, name), "bias_initializer": self.bias(name)}

    def bias(self, *place: int | str) -> Any:
        return self.drawn(lambda seed: keras.initializers.Zeros(), "bias", *place)

    def lstm(self, layer: int) -> dict[str, Any]:
        return {
            "kernel_initializer": self.drawn(_GLOROT, "kernel", layer),
            "recurrent_initializer": self.drawn(keras.initializers.Orthogonal, "recurrent", layer),
            "bias_initializer": self.bias(layer),
            "unit_forget_bias": self.uniform is None,
        }


def _inputs(
    encoding: str,
    batch_size: int,
    seq_length: int | None,
    input_dim: int | None,
    vocab_size: int | None,
    embedding_dim: int | None,
    seeds: _Seeds,
) -> tuple[Any, Any]:
    shape = (batch_size, seq_length)
    if encoding == "features":
        symbols = keras.Input(batch_shape=(*shape, input_dim), name="features")
        return symbols, symbols
    if encoding == "scalar":
        symbols = keras.Input(batch_shape=shape, name="symbols")
        return symbols, keras.layers.Reshape((-1, 1), name="scalar")(symbols)
    symbols = keras.Input(batch_shape=shape, dtype="int32", name="symbols")
    if encoding == "one_hot":
        one_hot = keras.layers.CategoryEncoding(vocab_size, output_mode="one_hot")
        column = keras.layers.Reshape((-1, 1), name="column")(symbols)
        return symbols, keras.layers.TimeDistributed(one_hot, name="one_hot")(column)
    drawn = seeds.drawn(partial(keras.initializers.RandomUniform, -0.05, 0.05), "embedding")
    table = keras.layers.Embedding(vocab_size, embedding_dim, embeddings_initializer=drawn, name="embedding")
    return symbols, table(symbols)


def _dropped(x: Any, rate: float, index: int, seeds: _Seeds) -> Any:
    """Return x, with dropout in front of layer `index` (L: of the head) where the rate is not 0."""
    if not rate:
        return x
    return keras.layers.SpatialDropout1D(rate, seed=seeds.of("dropout", index), name=f"dropout_{index}")(x)


def _layers(spec: ModelSpec, x: Any, seeds: _Seeds) -> Any:
    outputs = []
    for index, units in enumerate(spec.layers):
        x = _dropped(x, spec.dropout if index else 0.0, index, seeds)
        x = keras.layers.LSTM(
            units,
            recurrent_activation=spec.recurrent_activation,
            recurrent_dropout=spec.recurrent_dropout,
            return_sequences=True,
            stateful=True,
            name=f"lstm_{index}",
            **seeds.lstm(index),
        )(x)
        outputs.append(x)
    return keras.layers.Add(name="skip_outputs")(outputs) if spec.skip_outputs else x


def _cells(spec: ModelSpec, x: Any, seeds: _Seeds) -> Any:
    cells = [
        keras.layers.LSTMCell(
            units,
            recurrent_activation=spec.recurrent_activation,
            dropout=spec.dropout if index else 0.0,
            recurrent_dropout=spec.recurrent_dropout,
            name=f"lstm_cell_{index}",
            **seeds.lstm(index),
        )
        for index, units in enumerate(spec.layers)
    ]
    stacked = keras.layers.StackedRNNCells(cells)
    return keras.layers.RNN(stacked, return_sequences=True, stateful=True, name="stacked_cells")(x)


def _check(
    spec: ModelSpec,
    encoding: str,
    vocab_size: int | None,
    batch_size: int,
    seq_length: int | None,
    input_dim: int | None,
    embedding_dim: int | None,
    seed: int,
) -> None:
    if encoding not in ENCODINGS:
        near = did_you_mean(encoding, ENCODINGS)
        raise InputError(f"encoding: expected a known one, received {shown(encoding)}{near}")
    if spec.encoding not in ("auto", encoding):
        raise InputError(
            f"encoding: expected {spec.encoding!r}, as the model's description says, received {shown(encoding)}"
        )
    sizes = {"vocab_size": vocab_size, "batch_size": batch_size, "seq_length": seq_length, "input_dim": input_dim}
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed: expected an integer >= 0, received {shown(seed)}")
    for name, size in {**sizes, "embedding_dim": embedding_dim}.items():
        if size is not None:
            check_count(name, size, 1)
            check_count(name, size, 1, LARGEST)  # where TensorFlow's own integers end
    needs = {"features": ("input_dim", input_dim), "embedding": ("embedding_dim", embedding_dim)}
    for other, (name, size) in needs.items():
        if (encoding == other) != (size is not None):
            raise InputError(
                f"{name}: expected a size with encoding {other!r}, and None with others, received {shown(size)} with "
                f"{encoding!r}"
            )
    if batch_size is None or (encoding in ("one_hot", "embedding") and vocab_size is None):
        raise InputError(f"vocab_size and batch_size: expected sizes for encoding {encoding!r}, received None")


def _check_head(spec: ModelSpec, size: int | None) -> None:
    if spec.output_dropout and size is None:
        raise InputError(
            "output_dropout: expected 0 in a model without a Dense layer at its end, received "
            f"{spec.output_dropout:g}: give vocab_size or outputs"
        )


def _check_memory(spec: ModelSpec, encoding: str, sizes: Sizes, embedding_dim: int | None, batch_size: int) -> None:
    """Raise `InputError` for weights and states that this machine's memory could not hold."""
    sized = spec.model_copy(update={"embedding_dim": embedding_dim})
    weights = sized.parameters(sized.input_dim(encoding, sizes), sizes.head or None)
    need = 4 * (weights + 2 * batch_size * sum(spec.layers))
    have, limit = memory_limit()
    if need > have:
        raise InputError(
            f"model: expected sizes that fit in memory ({have / 1e9:.1f} GB, {limit}), received {need / 1e9:.4g} GB: "
            "lower units, depth, vocab_size, embedding_dim or batch_size"
        )


def _check_numbers(spec: ModelSpec, encoding: str, vocab_size: int | None, outputs: int | None) -> None:
    """Raise `InputError` unless a model of numbers takes numbers, and only such a one has a skip."""
    if outputs is not None:
        check_count("outputs", outputs, 1)
        if vocab_size is not None or encoding != "features":
            raise InputError(
                "outputs: expected encoding 'features' and no vocab_size with it, as numbers go in and come out, "
                f"received {encoding!r} and vocab_size {shown(vocab_size)}"
            )
    elif spec.skip:
        raise InputError(
            "skip: expected a model of numbers with it, received no outputs: give outputs=M, or skip=False"
        )
