"""What a live `nn.Module` says that its state dict does not: classes, dropout, and what stands between the weights.

Told by the names of PyTorch's classes, so that torch need not be installed. The order is that of definition; what the
user's own `forward` computes between its modules nobody can read.
"""

from collections.abc import Iterator
from typing import Any

from lstmzoo.errors import InputError, shown

_RECURRENT = ("LSTM", "LSTMCell")
_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "DataParallel", "DistributedDataParallel")
_DROPOUTS = ("Dropout", "Identity")
Modules = list[tuple[str, Any]]


def table_of(module: Any) -> str | None:
    """The name of the Embedding's weight in the state dict, if there is one.

    Raises `InputError` that names a module which is not LSTM, LSTMCell, Linear, Embedding, Dropout or a container, a
    Linear that stands before the last LSTM, an Embedding after the first, and one with `max_norm`.
    """
    parts = list(_parts(module))
    recurrent = [index for index, (_, part) in enumerate(parts) if _kind(part) in _RECURRENT]
    tables = [name for name, part in parts if _kind(part) == "Embedding"]
    for index, (name, part) in enumerate(parts):
        if _kind(part) == "Linear" and recurrent and index < recurrent[-1]:
            raise InputError(f"module {name!r}: expected a Linear above the last LSTM, received one below it")
        if _kind(part) == "Embedding" and recurrent and index > recurrent[0]:
            raise InputError(f"module {name!r}: expected an Embedding below the LSTM, received one above it")
        if _kind(part) == "Embedding" and part.max_norm is not None:
            raise InputError(
                f"module {name!r}: expected an Embedding as it is stored, received one that max_norm={part.max_norm} "
                "changes as it reads: apply it to the weight and set max_norm=None"
            )
    return f"{tables[0]}.weight".lstrip(".") if len(tables) == 1 else None


def dropout_of(module: Any) -> float:
    """The rate between the layers of its `nn.LSTM`, 0 where there is one layer."""
    rates = [part.dropout for _, part in _parts(module) if _kind(part) == "LSTM" and part.num_layers > 1]
    return float(rates[0]) if len(rates) == 1 else 0.0


def _parts(module: Any) -> Iterator[tuple[str, Any]]:
    """Modules that compute, in the order of definition; the user's own and containers only hold them."""
    for name, part in module.named_modules():
        kind = _kind(part)
        if kind in ("GRU", "GRUCell", "RNN", "RNNCell"):
            continue  # the tensors' names and shapes tell of them
        if kind in (*_RECURRENT, "Linear", "Embedding"):
            yield name, part
        elif kind is not None and kind not in (*_CONTAINERS, *_DROPOUTS):
            raise InputError(
                f"module {name!r}: expected LSTM, LSTMCell, Linear, Embedding and Dropout only, received {shown(kind)}"
            )


def _kind(part: Any) -> str | None:
    """The name of PyTorch's class; None: the user's own."""
    return type(part).__name__ if type(part).__module__.startswith("torch.nn.") else None
