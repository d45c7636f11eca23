"""Optimizers as data: names, arguments, defaults. No TensorFlow until one is made.

The table is tf_keras's own (a test compares them), without what a run cannot honour: `jit_compile` and `name` change
no result; the averages of `use_ema` only reach the weights at the end of Keras's `fit`; `Nadam` counts its steps in a
Python attribute, which a graph freezes at tracing (its momentum schedule is then wrong, and in no checkpoint).
"""

import operator
from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from lstmzoo.schema.section import MAY_CHANGE, Fraction, NonNegative, Positive, Section

if TYPE_CHECKING:
    import tf_keras as keras

DEFAULT = "adagrad"
COMMON: dict[str, Any] = {"weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None}
_MOMENTS = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "adafactor": {
        "learning_rate": 0.001,
        "beta_2_decay": -0.8,
        "epsilon_1": 1e-30,
        "epsilon_2": 0.001,
        "clip_threshold": 1.0,
        "relative_step": True,
    },
    "adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "adam": {**_MOMENTS, "adaptive_epsilon": False, "amsgrad": False},
    "adamax": _MOMENTS,
    "adamw": {**_MOMENTS, "weight_decay": 0.004, "amsgrad": False},
    "ftrl": {
        "learning_rate": 0.001,
        "learning_rate_power": -0.5,
        "initial_accumulator_value": 0.1,
        "l1_regularization_strength": 0.0,
        "l2_regularization_strength": 0.0,
        "l2_shrinkage_regularization_strength": 0.0,
        "beta": 0.0,
    },
    "lion": {"learning_rate": 0.0001, "beta_1": 0.9, "beta_2": 0.99},
    "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
}
CLASSES = {
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamax": "Adamax",
    "adamw": "AdamW",
    "ftrl": "Ftrl",
    "lion": "Lion",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
}
SLOTS = {"adadelta": 2, "adam": 2, "adamax": 2, "adamw": 2, "ftrl": 2}  # of each weight, one beside another; else 1
SWITCHES = {"adam": ("amsgrad",), "adamw": ("amsgrad",), "rmsprop": ("momentum", "centered")}  # one more of all weights
_KINDS: dict[str, Any] = {
    "learning_rate": Positive,
    "beta_1": Fraction,
    "beta_2": Fraction,
    "rho": Fraction,
    "momentum": Fraction,
    "beta_2_decay": float,
    "learning_rate_power": Annotated[float, Field(le=0)],
    **dict.fromkeys(["clipnorm", "clipvalue", "global_clipnorm"], Positive),
}


def _section(name: str) -> type[Section]:
    tag = Field(DEFAULT if name == DEFAULT else ..., description="an optimizer of tf_keras")
    fields: dict[str, Any] = {"name": (Literal[name], tag)}
    for key, default in {**OPTIMIZERS[name], **{k: v for k, v in COMMON.items() if k not in OPTIMIZERS[name]}}.items():
        kind = bool if isinstance(default, bool) else _KINDS.get(key, NonNegative)
        kind = Annotated[kind, MAY_CHANGE] if key == "learning_rate" else kind
        text = f"tf_keras.optimizers.{CLASSES[name]}, argument {key}"
        fields[key] = (kind | None if default is None else kind, Field(default, description=text))
    return create_model(f"{CLASSES[name]}Spec", __base__=Section, __module__=__name__, **fields)


SECTIONS = {name: _section(name) for name in OPTIMIZERS}
globals().update({section.__name__: section for section in SECTIONS.values()})  # a process can send one to another


if TYPE_CHECKING:
    Optimizer = Any
else:
    Optimizer = Annotated[reduce(operator.or_, SECTIONS.values()), Field(discriminator="name")]


def slot_shapes(spec: Section, shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the shapes of an optimizer's slots for weights of these shapes, in tf_keras's order."""
    name = spec.name  # type: ignore[attr-defined]
    if name == "adafactor":  # of a matrix the means of rows and of columns, and a slot of its own shape
        return [slot for shape in shapes for slot in ([shape[:1], shape[1:]] if len(shape) == 2 else []) + [shape]]
    beside = [shape for shape in shapes for _ in range(SLOTS.get(name, 1))]
    switched = sum(bool(getattr(spec, key)) for key in SWITCHES.get(name, ()))
    return [*beside, *(list(shapes) * switched)]


def make_optimizer(
    spec: Section, grad_clip_norm: float | None = None, grad_clip_value: float | None = None
) -> "keras.optimizers.Optimizer":
    """Make the tf_keras optimizer that a section describes.

    `grad_clip_norm` clips the norm of all gradients together, `grad_clip_value` each of their values.
    """
    import tf_keras as keras

    values = spec.model_dump()
    off = (None, False)  # what is off is left out: older versions of tf_keras lack some of the switches
    arguments = {key: value for key, value in values.items() if key != "name" and not any(value is v for v in off)}
    clips = {"global_clipnorm": grad_clip_norm, "clipvalue": grad_clip_value}
    arguments |= {name: value for name, value in clips.items() if value is not None}
    return getattr(keras.optimizers, CLASSES[values["name"]])(**arguments)
