"""Initial weights as data; without an initializer they are Keras's own. No TensorFlow."""

from typing import Annotated, Literal

from pydantic import Field

from lstmzoo.schema.section import Positive, Section


class Uniform(Section):
    """One uniform distribution for all weights and biases, as in char-rnn and Karpathy, Johnson & Li 2015."""

    kind: Literal["uniform"]
    """uniform: every weight and bias, that of the forget gate too, between -limit and limit."""
    limit: Annotated[Positive, Field(le=1000)] = 0.08
    """uniform: the largest size of an initial weight."""

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest initial weight."""
        return -self.limit, self.limit
