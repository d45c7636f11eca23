"""The one rule by which a run's best validation is replaced: by what is strictly better."""


def is_better(val_loss: float, best: float | None) -> bool:
    """Tell whether a validation loss is strictly less than the best so far (None: there is none)."""
    return best is None or val_loss < best
