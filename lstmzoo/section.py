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
    )


Count = Annotated[int, Field(ge=1)]
CountOrNever = Annotated[int, Field(ge=0)]
LARGEST = 3.4e38  # what a float32 holds
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
NonNegative = Annotated[float, Field(ge=0, le=LARGEST)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


def expected(what: str, at: str = "", near: str = "") -> PydanticCustomError:
    """An error that reads `expected WHAT, received VALUE NEAR` in the report; `at`: the key below that it is about."""
    return PydanticCustomError("expected", "expected {what}", {"what": what, "at": at, "near": near})


def all_expected(problems: list[tuple[str, str]]) -> PydanticCustomError:
    """Several such errors at once: what, and at which key."""
    several = [{"what": what, "at": at} for what, at in problems]
    return PydanticCustomError("expected", "{what}", {"what": problems[0][0], "several": several})
