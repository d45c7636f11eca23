"""A C header in this process: compiled with the machine's own compiler into the cache, and called through ctypes."""

import ctypes
import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from lstmzoo.data.cache import SUMS, cached, sums
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.export.formats.c_weights import padded, widened
from lstmzoo.models.signature import Signature, StateArrays

COMPILERS = ("cc", "gcc", "clang")
OPTIONS = ("-std=c99", "-O3", "-ffp-contract=fast", "-shared", "-fPIC", "-x", "c", "-")
NATIVE = "-march=native"
HEADER, LIBRARY = "model.h", "model.so"
GLUE = """
#include "{path}"
void steps(struct {name}_state *state, const {kind} *inputs, long size, long count, float *outputs)
{{
    for (; count > 0; count--, inputs += size, outputs += {name}_OUTPUTS)
        {name}_step(state, {given}, outputs);
}}
"""


def find_compiler() -> str:
    """Return the path of the machine's C compiler; raise `InputError` where it has none."""
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None:
        raise InputError(
            f"c: expected a C compiler on the PATH ({', '.join(COMPILERS)}), received none: "
            "install one, such as gcc, or choose another format or runtime"
        )
    return found


class CRunner:
    """A header of C, compiled; a lane after another."""

    def __init__(self, path: Path, signature: Signature):
        self.signature, self.library = signature, _library(path)
        self.sizes = [padded(units) for units in signature.state_sizes]

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` and the states after the window, as every `Runner` does."""
        x = self._checked(x)
        together = self._joined(states)
        logits = np.empty((*x.shape[:2], self.signature.output_dim), np.float32)
        for lane, state in enumerate(together):
            size = x.shape[2] if x.ndim == 3 else 1
            arrays = (part.ctypes.data_as(ctypes.c_void_p) for part in (state, x[lane], logits[lane]))
            state_at, x_at, logits_at = arrays
            self.library.steps(state_at, x_at, ctypes.c_long(size), ctypes.c_long(x.shape[1]), logits_at)
        return logits, self._split(together)

    def _checked(self, x: np.ndarray) -> np.ndarray:
        if self.signature.encoding == "features":
            return np.ascontiguousarray(x, np.float32)
        size = self.signature.output_dim
        if x.size and not 0 <= x.min() <= x.max() < size:
            raise InputError(f"ids: expected integers from 0 to {size - 1}, received {x.min()} to {x.max()}")
        return np.ascontiguousarray(x, np.intc)

    def _joined(self, states: Sequence[np.ndarray]) -> np.ndarray:
        """Return states as the header's struct has them, `[B, floats]`: all h, then all c."""
        wide = [widened(np.asarray(part, np.float32), size) for part, size in zip(states, self.sizes, strict=True)]
        return np.ascontiguousarray(np.concatenate([*wide[::2], *wide[1::2]], 1))

    def _split(self, together: np.ndarray) -> StateArrays:
        parts = np.split(together, np.cumsum([*self.sizes[::2], *self.sizes[1::2]])[:-1], 1)
        half = len(parts) // 2
        pairs = [part for pair in zip(parts[:half], parts[half:], strict=True) for part in pair]
        return [part[:, :units] for part, units in zip(pairs, self.signature.state_sizes, strict=True)]


def _library(path: Path) -> ctypes.CDLL:
    """Load a header's library from the cache; compile it where it is not there.

    Its key is what decides the result: the header, and all that the compiler says of itself and of the processor.
    """
    content, compiler = path.read_bytes(), find_compiler()
    native = [NATIVE] if _said(compiler, NATIVE) else []
    settings = [hashlib.sha256(content).hexdigest(), compiler, OPTIONS, native, _said(compiler, *native)]
    what = "the C header could not be compiled"
    return cached("compiled", settings, _load, partial(_make, content, [compiler, *native, *OPTIONS], path), what)


def _said(compiler: str, *options: str) -> str:
    """Return what a compiler defines by itself; empty where it does not know the options."""
    line = [compiler, *options, "-dM", "-E", "-x", "c", "-"]
    done = subprocess.run(line, input="", capture_output=True, text=True)
    return "" if done.returncode else done.stdout


def _load(folder: Path) -> ctypes.CDLL:
    """Load the library of a folder; raise `ValueError` if it is not what was compiled."""
    digest = hashlib.sha256((folder / LIBRARY).read_bytes()).hexdigest()
    if (folder / SUMS).read_bytes() != sums([(digest, LIBRARY)]):
        raise ValueError("its library has been changed")
    return ctypes.CDLL(str(folder / LIBRARY))


def _make(content: bytes, command: list[str], path: Path, folder: Path) -> ctypes.CDLL:
    """Compile a header in a new folder, and load it."""
    header, library = folder / HEADER, folder / LIBRARY
    source = _glue(content)
    header.write_bytes(content)
    done = subprocess.run([*command, "-o", str(library), "-lm"], input=source, capture_output=True, cwd=folder)
    header.unlink()
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        first = next((line for line in said if "error" in line), said[0])
        raise EnvironmentFailure(f"{path}: expected {command[0]} to compile it, received: {first[:300]}")
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    (folder / SUMS).write_bytes(sums([(digest, LIBRARY)]))
    return ctypes.CDLL(str(library))


def _glue(content: bytes) -> bytes:
    """Return a source that includes a header and runs many of its steps in a call."""
    found = re.search(rb"^struct (\w+)_state \{", content, re.MULTILINE)
    if not found:
        raise InputError("expected a header that lstmzoo wrote, received one without `struct NAME_state`")
    name = found[1].decode()
    features = f"enum {{ {name}_INPUTS = ".encode() in content
    kind, given = ("float", "inputs") if features else ("int", "*inputs")
    return GLUE.format(path=HEADER, name=name, kind=kind, given=given).encode()
