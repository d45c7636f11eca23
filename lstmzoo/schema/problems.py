"""Pydantic's errors in our words: the path, what was expected, what was received, the nearest legal name."""

from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lstmzoo.errors import did_you_mean, shown

Path = tuple[str | int, ...]

_EXPECTED = {
    "missing": "this required key",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "model_type": "a section (a mapping of keys)",
    "model_attributes_type": "a section (a mapping of keys)",
    "dict_type": "a section (a mapping of keys)",
    "finite_number": "a finite number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
    "union_tag_invalid": "a known {discriminator}",
    "union_tag_not_found": "a section with the key {discriminator}",
    "expected": "{what}",
}


class Reason(NamedTuple):
    """The problem at a path; `unknown`: a key that does not exist, so the rest can be checked without it."""

    text: str
    unknown: bool


def explain(error: ValidationError, data: dict[str, Any], section: type[BaseModel]) -> dict[Path, Reason]:
    """Return each wrong path of the data with its reason, `expected X, received Y; did you mean Z?`.

    What the branches of a union expect is joined by "or".
    """
    wanted: dict[Path, list[str]] = {}
    ends: dict[Path, str] = {}
    unknown = set()
    for item in _single(error):
        path = _path(item, data)
        text, end = _one(item, path, data, section)
        if text not in wanted.setdefault(path, []):
            wanted[path].append(text)
        ends[path] = end
        if item["type"] == "extra_forbidden":
            unknown.add(path)
    return {
        path: Reason(f"expected {' or '.join(texts)}, received {ends[path]}", path in unknown)
        for path, texts in wanted.items()
    }


def _single(error: ValidationError) -> list[Any]:
    """Return the errors one by one: an error that reports several problems is split."""
    items: list[Any] = list(error.errors(include_url=False))
    several = [item["ctx"].get("several", [item["ctx"]]) if item["type"] == "expected" else [None] for item in items]
    return [
        {**item, "ctx": part} if part else item for item, parts in zip(items, several, strict=True) for part in parts
    ]


def _one(item: Any, path: Path, data: dict[str, Any], section: type[BaseModel]) -> tuple[str, str]:
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return "a key that exists", shown(path[-1]) + did_you_mean(path[-1], _legal(path[:-1], section, item["loc"]))
    text = _EXPECTED.get(kind, item["msg"]).format(**{k: str(v).replace("'", "") for k, v in context.items()})
    if kind == "missing":
        return text, "nothing"
    value = _value(path, data)
    if kind in ("literal_error", "union_tag_invalid"):
        return text, _received(value) + _near(value, context.get("expected") or context["expected_tags"])
    return text, _received(value) + context.get("near", "")


def _received(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else shown(value)


def _near(value: Any, legal: str) -> str:
    return did_you_mean(value, _quoted(legal)) if isinstance(value, str) else ""


def _quoted(text: str) -> list[str]:
    return [word.strip().strip("'") for word in text.replace(" or ", ",").split(",")]


def _path(item: Any, data: dict[str, Any]) -> Path:
    """Return the error's path: its location without pydantic's names for branches of unions, then the key below."""
    location = list(item["loc"])
    below = [location.pop()] if item["type"] == "missing" else []
    context = item.get("ctx", {})
    below += filter(None, context.get("at", "").split("."))
    if item["type"] == "union_tag_invalid":
        below.append(context["discriminator"].strip("'"))
    path: list[str | int] = []
    value: Any = data
    for key in location:
        if (isinstance(value, dict) and key in value) or (isinstance(value, list) and isinstance(key, int)):
            path.append(key)
            value = value[key]
    return (*path, *below)


class _Default:
    """A placeholder for a value that was not given."""

    def __repr__(self) -> str:
        return "the default"


def _value(path: Path, data: Any) -> Any:
    for key in path:
        if isinstance(data, dict) and key not in data:
            return _Default()
        data = data.get(key) if isinstance(data, dict) else data[key]
    return data


def _legal(path: Path, section: type[BaseModel], location: Path) -> set[str]:
    """Return the keys of the section at a path; a tag in pydantic's location, such as "adam", selects among several."""
    for key in path:
        found = {field.alias or name: field for name, field in section.model_fields.items()}
        section = _chosen(list(sections_in(found[str(key)].annotation)), location)
    return {field.alias or name for name, field in section.model_fields.items()}


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    """Collect the sections that an annotation names, such as those of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_in(part)]


def _chosen(sections: list[type[BaseModel]], location: Path) -> type[BaseModel]:
    for section in sections:
        for tag in ("kind", "name"):
            field = section.model_fields.get(tag)
            if field and get_origin(field.annotation) is Literal and get_args(field.annotation)[0] in location:
                return section
    return sections[0]
