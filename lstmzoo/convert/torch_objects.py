"""Objects that a file of `torch.save` names, read from its list of steps before anything in it is made.

torch's own list has more than tensors need: `bytearray` and `torch.Tensor` take a size, and memory of that size.
"""

import io
import pickletools
import re
from collections.abc import Iterator

_TENSORS = re.compile(
    r"collections (OrderedDict|Counter)|(builtins|__builtin__) (set|complex)|torch (Size|[a-z]\w*)"
    r"|torch(\.cuda)? (Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool|Complex(Float|Double))Storage"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|tensor_v3|parameter|parameter_with_state|sparse_tensor|nested_tensor)"
    r"|torch\._utils _rebuild_meta_tensor_no_storage|torch\.storage UntypedStorage"
    r"|torch\.nn\.parameter Parameter|torch\.serialization _get_layout"
)
_LEGACY = 5  # objects, one behind the other: magic number, version, system, the object, keys of the storages


def foreign_objects(content: bytes) -> Iterator[str]:
    """Yield the names of classes and functions that no state dict needs, such as `builtins.bytearray`.

    `content` is the whole file, zip archive or the form before it. Raises errors of many kinds for a damaged one.
    """
    for steps in _steps(content):
        for operation, argument, _ in pickletools.genops(steps):
            if operation.name in ("GLOBAL", "INST") and not _TENSORS.fullmatch(str(argument)):
                yield str(argument).replace(" ", ".")


def _steps(content: bytes) -> list[io.BytesIO]:
    """Return where the steps that make each object are read from, found as `torch.load` finds it."""
    import torch

    if content[:4] == b"PK\x03\x04":
        return [io.BytesIO(torch._C.PyTorchFileReader(io.BytesIO(content)).get_record("data.pkl"))]
    return [io.BytesIO(content)] * _LEGACY  # one and the same, read on
