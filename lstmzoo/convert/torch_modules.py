"""Facts of a live `nn.Module` that its state dict lacks: classes, dropout, and other layers between the weights.

They are found by the names of PyTorch's classes, so that torch need not be installed. The order is that of definition;
the computations that the user's own `forward` does between its modules cannot be read.
"""

from collections.abc import Iterator
from typing import Any

from lstmzoo.errors import InputError, shown

_RECURRENT = ("LSTM", "LSTMCell")
_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", "DataParallel", "DistributedDataParallel")
_DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
_SOFTMAX = ("Softmax", "LogSoftmax")
_PARAMETRIZE = "torch.nn.utils.parametrize"


def table_of(module: Any) -> str | None:
    """Return the name of the Embedding's weight in the state dict; None if there is no Embedding or several.

    Raises `InputError` that names a module which is not LSTM, LSTMCell, Linear, Embedding, Dropout or a container, a
    Linear that is before the last LSTM, an Embedding after the first, and one with `max_norm`.
    """
    parts = list(_parts(module))
    recurrent = [index for index, (_, part) in enumerate(parts) if _kind(part) in _RECURRENT]
    tables = [name for name, part in parts if _kind(part) == "Embedding"]
    for index, (name, part) in enumerate(parts):
        if _kind(part) == "Linear" and recurrent and index < recurrent[-1]:
            raise InputError(
                f"module {name!r}: expected a Linear above the last LSTM, received one that is defined before it: if "
                "forward calls it after the LSTM, define it after too, or give module.state_dict()"
            )
        if _kind(part) == "Embedding" and recurrent and index > recurrent[0]:
            raise InputError(f"module {name!r}: expected an Embedding below the LSTM, received one defined after it")
        if _kind(part) == "Embedding" and part.max_norm is not None:
            raise InputError(
                f"module {name!r}: expected an Embedding as it is stored, received one that max_norm={part.max_norm} "
                "changes at each look-up: apply max_norm to the weight and set max_norm=None"
            )
    return f"{tables[0]}.weight".lstrip(".") if len(tables) == 1 else None


def left_out_of(module: Any) -> tuple[list[str], list[str]]:
    """Return class and name of modules that act in training only (dropout, losses), and of softmax at the end."""
    named = [(name, part, _kind(part)) for name, part in module.named_modules()]
    training = [f"{kind} {name!r}" for name, part, kind in named if (kind in _DROPOUTS and part.p) or _is_loss(part)]
    return training, [f"{kind} {name!r}" for name, _, kind in named if kind in _SOFTMAX]


def losses_of(module: Any) -> tuple[str, ...]:
    """Return the beginnings of the names of tensors that losses hold, such as weights of classes."""
    return tuple(f"{name}." for name, part in module.named_modules() if name and _is_loss(part))


def dropout_of(module: Any) -> float:
    """Return the rate of dropout between the layers of a module's one `nn.LSTM`, 0 where it has one layer."""
    rates = [part.dropout for _, part in _parts(module) if _kind(part) == "LSTM" and part.num_layers > 1]
    return float(rates[0]) if len(rates) == 1 else 0.0


def _parts(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the modules that compute, in the order of definition; containers and the user's own only hold them."""
    recurrent = False
    for name, part in module.named_modules():
        kind = _kind(part)
        if kind == "ParametrizationList":
            _require_weight_norm(name, part)
        recurrent = recurrent or kind in _RECURRENT
        if kind in ("GRU", "GRUCell", "RNN", "RNNCell") or _is_loss(part) or ".parametrizations" in f".{name}":
            continue  # the checks of the tensors' names and shapes find what is foreign
        if kind in (*_RECURRENT, "Linear", "Embedding"):
            yield name, part
        elif kind is not None and kind not in (*_CONTAINERS, *_DROPOUTS, "Identity", *(_SOFTMAX if recurrent else ())):
            raise InputError(
                f"module {name!r}: expected LSTM, LSTMCell, Linear, Embedding and Dropout only, received {shown(kind)}"
            )


def _require_weight_norm(name: str, parametrizations: Any) -> None:
    """Raise `InputError` that names a parametrization of another class: its tensors do not tell what it computes."""
    module, _, weight = f".{name}".rpartition(".parametrizations.")
    for part in parametrizations:
        kind: Any = type(part)
        if (kind.__module__, kind.__name__) != ("torch.nn.utils.parametrizations", "_WeightNorm"):
            raise InputError(
                f"module {name!r}: expected weight_norm as its one parametrization, received {shown(kind.__name__)}: "
                f"call torch.nn.utils.parametrize.remove_parametrizations(module, {weight!r}) with the module "
                f"{module[1:]!r}, and give the module again"
            )


def _kind(part: Any) -> str | None:
    """Return the name of PyTorch's class; None for a class of the user."""
    kind: Any = type(part)
    if kind.__module__ == _PARAMETRIZE and kind.__name__.startswith("Parametrized"):
        kind = kind.__base__  # a class that PyTorch derives for a module with parametrizations
    return kind.__name__ if kind.__module__.startswith("torch.nn.") else None


def _is_loss(part: Any) -> bool:
    return type(part).__module__ == "torch.nn.modules.loss"
