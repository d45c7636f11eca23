"""The base class of every section of a configuration: frozen, strict, without unknown keys."""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from textwrap import dedent
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError


class Section(BaseModel):
    """A frozen mapping whose keys, types and ranges are checked when it is made.

    The meaning of a key is the docstring below it. These docstrings are read only when the JSON Schema is made
    (pydantic's `use_attribute_docstrings` reads them at each import, which takes a tenth of a second).
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(core)
        keys = handler.resolve_ref_schema(found)["properties"]
        for base in cls.__mro__:
            for name, text in _docstrings(base) if issubclass(base, Section) else ():
                field = cls.model_fields.get(name)
                key = keys.get((field and field.alias) or name) if field else None
                if key is not None:
                    key.setdefault("description", text)
        return found


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Yield the keys that a class declares in its source, each with the docstring below it."""
    try:
        (definition,) = ast.parse(dedent(inspect.getsource(section))).body
    except (OSError, TypeError, SyntaxError, ValueError):  # a class without source, or inside other code
        return
    for key, below in pairwise(getattr(definition, "body", [])):
        match key, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


Count = Annotated[int, Field(ge=1)]
CountOrNever = Annotated[int, Field(ge=0)]
LARGEST = 3.4e38  # about the largest float32
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
NonNegative = Annotated[float, Field(ge=0, le=LARGEST)]
Fraction = Annotated[float, Field(ge=0, lt=1)]

NULL = {"type": "null"}  # of the JSON Schema

MAY_CHANGE = "may change"  # in an `Annotated` key of an experiment: a run that goes on may have another value


def expected(what: str, at: str = "", near: str = "") -> PydanticCustomError:
    """Return an error for a validator to raise, which is reported as `expected WHAT, received VALUE NEAR`.

    `at`: dotted path, from the section, of the key that is wrong, such as "validate.fraction"; "": the section.
    `near`: a hint, such as `did_you_mean` returns.
    """
    return PydanticCustomError("expected", "expected {what}", {"what": what, "at": at, "near": near})


def all_expected(problems: list[tuple[str, str]]) -> PydanticCustomError:
    """Return one error that reports several problems, each given as (what was expected, at which key)."""
    by_key: dict[str, list[str]] = {}
    for what, at in problems:
        by_key.setdefault(at, []).append(what)
    several = [{"what": ", and ".join(each), "at": at} for at, each in by_key.items()]
    return PydanticCustomError("expected", "{what}", {"what": problems[0][0], "several": several})
