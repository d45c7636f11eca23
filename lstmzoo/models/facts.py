"""Facts by which a model is known where its state goes: the digest of its weights, and what goes in and comes out.

Every exported file has them, so a state passes from one runtime to another, and to no other model. No TensorFlow.
"""

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np

from lstmzoo.models.blueprint import Blueprint, Weights
from lstmzoo.models.signature import Signature, signature_of
from lstmzoo.models.spec import ENCODINGS, MAX_DEPTH

MOST = 1 << 24  # of a size, or of the steps that a model looks ahead


def digest_of(weights: Weights) -> bytes:
    """Return the SHA-256 of weights: of their float32 numbers, in the order of `model.get_weights()`."""
    content = hashlib.sha256()
    for array in weights.in_order():
        content.update(np.ascontiguousarray(array, "<f4").tobytes())
    return content.digest()


class Facts(NamedTuple):
    """Description of the model in a file."""

    weights: str
    """The digest of its float32 weights, in hexadecimal; also where they were rounded to int8 afterwards."""
    signature: Signature
    ahead: int = 1
    """The number of steps by which the outputs are ahead: those at step t are about step t + ahead."""

    @property
    def kept(self) -> int:
        """The number of the last steps whose outputs are still about steps to come; at least 1."""
        return max(self.ahead, 1)

    def dump(self) -> bytes:
        """Return the facts as JSON, from which `load_facts` reads the same."""
        signature = {**self.signature._asdict(), "units": list(self.signature.units)}
        facts = {"weights_sha256": self.weights, **signature, "ahead": self.ahead}
        return (json.dumps(facts, indent=1, allow_nan=False) + "\n").encode()


def facts_of(blueprint: Blueprint, ahead: int = 1) -> Facts:
    """Return the facts of a model; raise `InputError` for one without a head."""
    return Facts(digest_of(blueprint.weights).hex(), signature_of(blueprint), ahead)


def load_facts(content: bytes) -> Facts:
    """Read facts from JSON; raise `ValueError` for what no export writes."""
    found = json.loads(content)
    if not isinstance(found, dict) or set(found) != {"weights_sha256", *Signature._fields, "ahead"}:
        raise ValueError("other keys")
    digest, ahead, units = found.pop("weights_sha256"), found.pop("ahead"), found.pop("units")
    signature = Signature(units=tuple(units), **found)
    sizes: list[int | None] = [*signature.units, signature.output_dim]
    sizes += [signature.input_dim] if signature.encoding == "features" else []
    if not (
        isinstance(digest, str)
        and len(bytes.fromhex(digest)) == len(digest) / 2 == 32
        and isinstance(signature.numbers, bool)
        and signature.encoding in ENCODINGS
        and (signature.encoding == "features" or (signature.input_dim is None and not signature.numbers))
        and 0 < len(signature.units) <= MAX_DEPTH
        and all(_is_count(size, 1) for size in sizes)
        and _is_count(ahead, 0)
    ):
        raise ValueError("other values")
    return Facts(digest, signature, ahead)


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST
