"""Parts of the matrices beside the LSTM: the Embedding, the Linear above, a Linear in front.

Names and shapes decide, never the order, which says only how a mapping was written: safetensors gives tensors
in another order at each call. `nn.Sequential` puts the order into the names (0., 1., 2.).
"""

import re
from collections.abc import Mapping
from itertools import product

from lstmzoo.convert.bounds import listed
from lstmzoo.errors import InputError

TABLE, HEAD, FRONT = "Embedding", "Linear", "Linear in front"
Modules = dict[str, dict[str, str]]  # prefix -> part (weight, bias) -> name
Shapes = Mapping[str, tuple[int, ...]]
_NAMES = (  # a prefix that matches has one of these roles
    (re.compile(r"(^|[._])(embed|embeds|embedding|embeddings|emb|wte|tok_emb|encoder)$"), {TABLE, FRONT}),
    (
        re.compile(
            r"(^|[._])(linear|fc|dense|decoder|lm_head|head|out|output|readout|classifier|logits|unembed|h2o|"
            r"hidden2\w+|out(put)?_proj(ection)?|proj_out|predictor|prediction)$"
        ),
        {HEAD},
    ),
    (re.compile(r"(^|[._])(in|inp|inputs?)([._]|$)"), {TABLE, FRONT}),
)
_AMBIGUOUS = "pass a mapping with the keys embedding.weight and linear.weight, or from_torch(module)"


def modules_of(shapes: Shapes) -> Modules:
    """Sort tensors that are not of an LSTM by module; raise `InputError` for one of another layer."""
    modules: Modules = {}
    for name, shape in shapes.items():
        prefix, _, part = name.rpartition(".")
        if (part, len(shape)) not in (("weight", 2), ("bias", 1)):
            raise InputError(
                f"{name}: expected LSTM, Linear and Embedding only, received {list(shape)} of another layer"
            )
        modules.setdefault(prefix, {})[part] = name
    for parts in modules.values():
        if "weight" not in parts:
            raise InputError(f"{parts['bias']}: expected a weight [V, H] beside it, as a Linear has, received it alone")
    return modules


def possible_roles(modules: Modules, shapes: Shapes, bottom: str, top: str) -> dict[str, set[str]]:
    """Return for each weight the roles that its name and shape leave.

    `bottom` and `top` name weight_ih of the first LSTM layer, `[4H, D]`, and weight_hh of the last, `[4H, H]`.
    """
    return {
        parts["weight"]: _roles(prefix, parts, shapes, bottom, top, len(modules) == 1)
        for prefix, parts in modules.items()
    }


def _roles(prefix: str, parts: dict[str, str], shapes: Shapes, bottom: str, top: str, alone: bool) -> set[str]:
    if parts["weight"] in ("embedding.weight", "linear.weight"):
        return {TABLE if parts["weight"] == "embedding.weight" else HEAD}
    named = _by_name(prefix, bottom, top)
    fits = _by_shape(shapes[parts["weight"]], "bias" in parts, shapes[bottom][1], shapes[top][1])
    roles = named & fits
    if HEAD in roles and not alone:  # beside an Embedding or another Linear, a Linear that may be the head is it
        roles -= {FRONT}
    if not roles:  # its shape is refused later, as that of what its name says
        roles = {HEAD} if HEAD in named or not named else {FRONT if "bias" in parts else TABLE}
    return roles


def _by_name(prefix: str, bottom: str, top: str) -> set[str]:
    roles = {TABLE, HEAD, FRONT}
    for pattern, named in _NAMES:
        if pattern.search(prefix.lower()):
            roles &= named
    if _precedes(prefix, top):
        roles -= {HEAD}
    if _precedes(bottom, prefix):
        roles -= {TABLE, FRONT}
    return roles


def _by_shape(shape: tuple[int, ...], biased: bool, size: int, units: int) -> set[str]:
    """Return the roles of a matrix: Embedding `[V, D]`, head `[V, H]`, and in front `[D, any]`, seldom without bias."""
    fits = {TABLE: shape[1] == size and not biased, HEAD: shape[1] == units, FRONT: shape[0] == size and biased}
    return {role for role, holds in fits.items() if holds}


def _precedes(one: str, other: str) -> bool:
    """Tell whether `nn.Sequential` numbers one module before the other, as `net.0` and `net.1.lstm`."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    first, second = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    return first.isdecimal() and second.isdecimal() and int(first) < int(second)


def choose(roles: Mapping[str, set[str]]) -> dict[str, str]:
    """Return each weight's role where there is one reading with at most one Embedding and one Linear.

    Raises `InputError` for several weights of one role, for a Linear in front, and where several readings are left.
    """
    for role in (FRONT, TABLE, HEAD):
        forced = [name for name, possible in roles.items() if possible == {role}]
        if forced and role == FRONT:
            raise InputError(f"{forced[0]}: expected a Linear above the LSTM, received one in front: {_AMBIGUOUS}")
        if len(forced) > 1:
            raise InputError(f"tensors: expected at most one {role}, received {listed(forced)}: keep one of them")
    if len(roles) > 2:
        raise InputError(f"tensors: expected one Embedding and one Linear, received {listed(roles)}: {_AMBIGUOUS}")
    readings = [each for each in product(*map(sorted, roles.values())) if len(set(each)) == len(each)]
    if len(readings) > 1:
        raise InputError(
            "tensors: expected names that show which is the Embedding and which the Linear, received "
            f"{listed(sorted(roles))}: {_AMBIGUOUS}"
        )
    return dict(zip(roles, readings[0], strict=True))
