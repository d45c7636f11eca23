"""Conversion of models of Keras 2 (tf_keras) and Keras 3, from files or live ones."""

import os
from typing import TYPE_CHECKING, Any

from lstmzoo.convert.keras_chain import chain_of
from lstmzoo.convert.keras_files import read_keras
from lstmzoo.convert.keras_layers import Stack
from lstmzoo.convert.left_out import warn_left_out
from lstmzoo.errors import InputError, shown
from lstmzoo.models.blueprint import Blueprint, draw_up

if TYPE_CHECKING:
    import tf_keras as keras


def from_keras(
    source: str | os.PathLike[str] | Any,
    *,
    batch_size: int = 1,
    kind: str | None = None,
    numbers: bool | None = None,
) -> "keras.Model":
    """Build a stateful model with the weights of a `.keras` or `.h5` file, or live model, of Keras 2 or Keras 3.

    The source is one line of layers: an Embedding, one-hot CategoryEncoding, Reshape to `[T, 1]` or nothing; LSTM, RNN
    of LSTMCell or of StackedRNNCells; an Add of the outputs of all LSTM layers or nothing; a Dense layer or none. No
    code in a file runs. The new model differs:

    - With `numbers=True` the outputs of the Dense layer are numbers `[B, T, M]`, and inputs features; by default they
      are where `build_model` made the layer, which it calls "outputs", or a skip beside it.
    - Else the output is logits `[B, T, V]`: a softmax at the end is removed; a log_softmax and linear activations too,
      with a `UserWarning`. A Sequential or functional model within the model is opened.
    - It is stateful, starts from zero states, and outputs every step: a last layer with return_sequences=False
      outputs only the last step.
    - Dropout stays where it is one rate between all layers (as one mask for each window and lane). Other dropout,
      noise, recurrent dropout, regularizers and constraints act in training only: they are left out, and a
      `UserWarning` names them.
    - Any floating-point type becomes float32; a layer without a bias gets one of zeros; nothing is compiled.

    `kind=None`: the kind of the source. Raises `InputError` that names the layer and the reason for anything else (GRU,
    Bidirectional, Lambda, masks, branches, go_backwards, other activations, Keras 3's hard_sigmoid, which is another
    function than Keras 2's), for damaged files, wrong shapes and numbers that are not finite.
    """
    from lstmzoo.models.rebuild import build

    saved = read_keras(source)
    stack = Stack(saved.major, saved.arrays)
    try:
        for layer in chain_of(saved.config):
            stack.take(layer)
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = shown(f"{type(error).__name__}: {error}", 200)
        raise InputError(f"source: expected a config as Keras writes it, received another one ({reason})") from error
    blueprint = _blueprint(stack, kind, batch_size, stack.numbers if numbers is None else numbers)
    warn_left_out(stack.left_out, stack.idle)
    return build(blueprint)


def _blueprint(stack: Stack, kind: str | None, batch_size: int, numbers: bool) -> Blueprint:
    if numbers and stack.softmax:
        raise InputError("numbers: expected False for a model whose outputs are logits, received one with a softmax")
    weights = stack.weights()
    if kind is None and stack.stacked_cells:
        kind = "stacked_cells"
    return draw_up(
        weights,
        stack.encoding or "features",
        kind=kind,
        dropout=stack.dropout(),
        recurrent_activation=min(stack.activations),
        batch_size=batch_size,
        numbers=numbers,
        skip_outputs=stack.skip_outputs,
    )
