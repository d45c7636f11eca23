"""Places of keys in the sections of a configuration: which keys a section has, and where else a key lives."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from lstmzoo.errors import did_you_mean, nearest

Path = tuple[str | int, ...]
MAX_HOMES = 3  # of a key that lives in many sections


TAGS = ("kind", "name")  # keys whose value selects among several sections


class Home(NamedTuple):
    """A place of a key: its section's path, and the kind or name, such as "kind char", with which it exists."""

    path: Path
    tag: str


def hint(path: Path, root: type[BaseModel], location: Path) -> str:
    """Return the nearest legal name of an unknown key's section, or where the key lives, or the legal names.

    `path`: of the key; `root`: the section that holds all; `location`: pydantic's path, where a tag such as "adam"
    selects among several sections.
    """
    homes = [] if path[-1] in TAGS else list(_homes(root, str(path[-1])))
    here = dict.fromkeys(home.tag for home in homes if home.path == path[:-1] and home.tag)
    if here:
        return f"; it belongs to {' or '.join(here)}"
    legal = legal_keys(path[:-1], root, location)
    elsewhere = " or ".join(
        list(dict.fromkeys(".".join(map(str, (*home.path, path[-1]))) for home in homes))[:MAX_HOMES]
    )
    if near := nearest(path[-1], legal):
        return near + (f" ({elsewhere} exists too)" if elsewhere else "")
    return f"; its place is {elsewhere}" if elsewhere else did_you_mean(path[-1], legal)


def _homes(section: type[BaseModel], key: str, path: Path = (), tag: str = "") -> Iterator[Home]:
    for name, field in section.model_fields.items():
        below = field.alias or name
        if below == key:
            yield Home(path, tag)
        found = sections_in(field.annotation)
        for inner in found:
            yield from _homes(inner, key, (*path, below), " ".join(_tag(inner)) if len(found) > 1 else "")


def legal_keys(path: Path, section: type[BaseModel], location: Path) -> set[str]:
    """Return the keys of the section at a path; a tag in pydantic's location, such as "adam", selects among several."""
    for key in path:
        found = {field.alias or name: field for name, field in section.model_fields.items()}
        sections = sections_in(found[str(key)].annotation)
        section = next((each for each in sections if _tag(each)[-1:] in [(part,) for part in location]), sections[0])
    return {field.alias or name for name, field in section.model_fields.items()}


def sections_in(annotation: object) -> list[type[BaseModel]]:
    """Collect the sections that an annotation names, such as those of a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_in(part)]


def _tag(section: type[BaseModel]) -> tuple[str, ...]:
    """Return the key and the value that select a section, such as ("name", "adam"); () for a section without them."""
    for key in TAGS:
        field = section.model_fields.get(key)
        if field and get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            return key, str(get_args(field.annotation)[0])
    return ()
