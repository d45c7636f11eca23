"""Words of other programs' searches (scikit-learn, keras-tuner, Optuna, Ray, Weights & Biases), and ours for them."""

from collections.abc import Iterator
from typing import Any

from lstmzoo.config.sources import Problem
from lstmzoo.errors import shown

_TABLE = """
choices: values value options categories categorical choice list grid grid_search items
min: min_value minimum low lower lower_bound start from
max: max_value maximum high upper upper_bound stop end to
step: q quantization stride increment
sampling: distribution prior scale log log_scale base
min and max: range bounds interval uniform quniform int float randint parameter type
min, max and sampling (log): loguniform log_uniform log_uniform_values qloguniform logspace
"""
_LINES = [line.split(": ") for line in _TABLE.strip().splitlines()]
WORDS = {word: ours for ours, words in _LINES for word in words.split()}
KEYS = {"min", "max", "choices", "step", "sampling", "when"}
LEGAL = "min and max (with step, sampling, when), choices, or one value"


def foreign_words(path: str, entry: Any) -> list[Problem]:
    """Return a problem for each word of another program in the entry at a path of `space`, and for nested paths."""
    if not isinstance(entry, dict):
        return []
    words = [key for key, value in entry.items() if key in WORDS and not isinstance(value, dict)]
    if words:
        text = f"expected {LEGAL}, received"
        return [Problem(("space", path, key), f"{text} {shown(key)}; did you mean {WORDS[key]}?") for key in words]
    return [
        Problem(
            ("space", path, *keys),
            f"expected a path with dots, {'.'.join((path, *keys))}: {{...}}, received a mapping within a mapping",
        )
        for keys in _nested(entry)
    ]


def _nested(entry: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys that lead to mappings of our words, or of others, inside an entry that has none itself."""
    if not entry.keys() & KEYS:
        for key, inner in entry.items():
            if isinstance(inner, dict):
                if inner.keys() & (KEYS | WORDS.keys()):
                    yield (*above, key)
                yield from _nested(inner, (*above, key))
