"""What every section of a configuration is: frozen, strict, without unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A frozen mapping whose keys, kinds and ranges are checked at the door."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        populate_by_name=True,
    )


Count = Annotated[int, Field(ge=1)]
CountOrNever = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


def expected(what: str, at: str = "", near: str = "") -> PydanticCustomError:
    """An error that reads `expected WHAT, received VALUE NEAR` in the report; `at`: the key below that it is about."""
    return PydanticCustomError("expected", "expected {what}", {"what": what, "at": at, "near": near})
