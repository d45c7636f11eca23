"""Rules for when the carried state of a lane is set to zero, as data. No TensorFlow."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from lstmzoo.schema.section import Section, expected


class RandomReset(Section):
    """A rule by which lanes lose their state now and then."""

    probability: Annotated[float, Field(gt=0, lt=1)]
    """The probability with which a lane begins a window with zero state; each epoch begins with it too."""


def _known_rule(value: Any) -> Any:
    if value not in ("epoch", "never", "window") and not isinstance(value, dict | RandomReset):
        raise expected("epoch, never, window or {probability: p}")
    return value


def _tag(value: Any) -> str:
    return "when" if isinstance(value, str) else "random"


ResetRule = Annotated[
    Annotated[Literal["epoch", "never", "window"], Tag("when")] | Annotated[RandomReset, Tag("random")],
    Discriminator(_tag),
    BeforeValidator(_known_rule),
]
