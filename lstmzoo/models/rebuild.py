"""Models to blueprints and back: the same weights in a model of another batch size or kind."""

from collections.abc import Iterator
from contextlib import contextmanager

import tf_keras as keras

from lstmzoo.errors import InputError
from lstmzoo.models.anatomy import Anatomy, dissect
from lstmzoo.models.blueprint import Blueprint, HeadWeights, LayerWeights, Weights, draw_up
from lstmzoo.models.build import build_model
from lstmzoo.models.state import get_states, set_states


def rebatch(model: keras.Model, batch_size: int) -> keras.Model:
    """Build the same model for another number of lanes: same kind, dtype and weights to the bit, states zero.

    The new model is not compiled, all of it is trainable, and `model` does not change.
    Raises `InputError` for a model that `build_model` could not have made, and for a batch size below 1.
    """
    if batch_size is None:
        raise InputError("batch_size: expected an integer >= 1, received None")
    return build(blueprint_of(model), batch_size=batch_size)


def as_kind(model: keras.Model, kind: str) -> keras.Model:
    """Build the same model as `single` (depth 1 only), `stacked_cells` or `stacked_layers`, with weights and states.

    Both give the same logits and states from here on. The new model is not compiled, all of it is trainable, and
    `model` does not change. Raises `InputError` for an impossible kind, or a model that `build_model` could not have
    made.
    """
    other = build(blueprint_of(model), kind=kind)
    set_states(other, get_states(model))
    return other


def build(blueprint: Blueprint, *, batch_size: int | None = None, kind: str | None = None) -> keras.Model:
    """Build a model with the blueprint's weights and zero states, with another batch size or kind if given.

    Raises `InputError` for an impossible kind or size.
    """
    changed = blueprint.spec.model_dump(exclude_unset=True) | ({} if kind is None else {"kind": kind})
    with default_dtype(blueprint.dtype):
        model = build_model(
            changed,
            vocab_size=blueprint.vocab_size,
            encoding=blueprint.encoding,
            batch_size=blueprint.batch_size if batch_size is None else batch_size,
            seq_length=blueprint.seq_length,
            input_dim=blueprint.input_dim,
            outputs=blueprint.outputs,
        )
    model.set_weights(blueprint.weights.in_order())
    return model


def blueprint_of(model: keras.Model) -> Blueprint:
    """Make the blueprint of a live model, which may have been saved and loaded; its weights are copies.

    One LSTM layer is `single`; several layers of different kinds, which are the same mathematics, are
    `stacked_layers`. Raises `InputError` for a model that no description gives: rates of dropout or gate activations
    that differ between layers; more or fewer symbols than classes; mixed types.
    """
    anatomy = dissect(model)
    batch_size, seq_length = model.input_shape[:2]
    return draw_up(
        _weights(anatomy),
        anatomy.encoding,
        kind=_kind(anatomy),
        batch_size=batch_size,
        seq_length=seq_length,
        dtype=_one({variable.dtype.as_numpy_dtype.__name__ for variable in model.weights}),
        numbers=anatomy.outputs is not None,
        recurrent_activation=_one({keras.activations.serialize(cell.recurrent_activation) for cell in anatomy.cells}),
        **_dropout(anatomy),
        **({"skip_outputs": True} if anatomy.skip_outputs else {}),
    )


def _weights(anatomy: Anatomy) -> Weights:
    layers = ((cell.kernel, cell.recurrent_kernel, cell.bias) for cell in anatomy.cells)
    return Weights(
        tuple(LayerWeights(*(part.numpy().copy() for part in parts)) for parts in layers),
        anatomy.head and HeadWeights(anatomy.head.kernel.numpy().copy(), anatomy.head.bias.numpy().copy()),
        anatomy.embedding and anatomy.embedding.embeddings.numpy().copy(),
        anatomy.skip and anatomy.skip.kernel.numpy().copy(),
    )


def _kind(anatomy: Anatomy) -> str:
    if len(anatomy.recurrent) == 1 and hasattr(anatomy.recurrent[0].cell, "cells"):
        return "stacked_cells"
    return "single" if len(anatomy.cells) == 1 else "stacked_layers"


def _dropout(anatomy: Anatomy) -> dict[str, float]:
    """Return the rates of dropout by their key in a description."""
    first, *between, last = anatomy.dropout
    for name, rates in (("dropout", between), ("recurrent_dropout", anatomy.recurrent_dropout)):
        if len(set(rates)) > 1:
            raise InputError(f"{name}: expected one rate in all layers, received {list(rates)}")
    held = anatomy.recurrent_dropout[0]
    return {
        "dropout": between[0] if between else 0.0,
        "recurrent_dropout": held,
        "input_dropout": first,
        "output_dropout": last,
    }


def _one(found: set[str]) -> str:
    if len(found) > 1:
        raise InputError(f"model: expected one type and one gate activation in all layers, received {sorted(found)}")
    return found.pop()


@contextmanager
def default_dtype(dtype: str) -> Iterator[None]:
    """Set the type of layers and inputs that are made inside; restore the user's defaults afterwards."""
    floatx = keras.backend.floatx()
    keras.backend.set_floatx(dtype)
    policy = keras.mixed_precision.global_policy()  # follows floatx unless the user has set one
    chosen = policy.name != dtype
    try:
        if chosen:
            keras.mixed_precision.set_global_policy(dtype)
        yield
    finally:
        if chosen:
            keras.mixed_precision.set_global_policy(policy)
        keras.backend.set_floatx(floatx)
