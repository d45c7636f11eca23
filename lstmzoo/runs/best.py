"""The one rule of what is best: strictly better than all before it."""


def is_better(value: float, best: float | None, direction: str = "min") -> bool:
    """Tell whether a value is strictly better than the best so far (None: there is none); `direction` min or max."""
    if best is None:
        return True
    return value > best if direction == "max" else value < best
