"""The time steps of the kernel `native`: native.cc, built for a layer's size when it is first asked for.

XLA calls its two functions, each for a whole window, from the program that it compiles.
"""

import ctypes
import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.system.compiler import run_compiler

SOURCE = Path(__file__).with_name("native.cc")
FLAGS = ["-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"]
TENSORFLOW = "libtensorflow_cc.so.2"  # which has XLA's list of functions
NUMBERS = {tf.float32: "float", tf.float64: "double"}
Tensor = Any
Loop = Callable[..., Any]  # over the time steps of a window


def time_steps(units: int, dtype: tf.DType, gate: str) -> tuple[Loop, Loop]:
    """Return the loops over the time steps of a layer of H units, forward and back, for a program that XLA compiles.

    `forward(z [T, B, 4H], u [H, 4H], h, c [B, H], factors)` gives hs, cs `[T, B, H]` and the gates `[T, B, 4H]`, and
    `backward(gates, cs, u, dhs [T, B, H], c, factors)` the gradient by z; `factors [B, H]` are those of h, or None.
    `gate`: "sigmoid" or "hard_sigmoid". Raises `InputError` for another type of numbers, and `EnvironmentFailure` where
    nothing can be built.
    """
    try:
        from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_custom_call_v2  # no part of TensorFlow's public API
    except ImportError as error:
        raise _failure(f"this TensorFlow has no such call ({error})") from None
    if dtype not in NUMBERS:
        raise InputError(f"kernel: native computes in float32 or float64, received {dtype.name}: take xla")
    build(units, NUMBERS[dtype], gate, False)  # which an evaluation takes

    def call(function: str, operands: list[Tensor], factors: Tensor | None, sizes: list[int]) -> list[Tensor]:
        name = build(units, NUMBERS[dtype], gate, factors is not None)
        operands += [] if factors is None else [factors]
        time, lanes = operands[0].shape[:2]
        shapes, types = [[time, lanes, size] for size in sizes], [dtype] * len(sizes)
        found = xla_custom_call_v2(operands, f"{name}_{function}", f"{time} {lanes}", False, types, shapes)
        return [tf.ensure_shape(part, shape) for part, shape in zip(found, shapes, strict=True)]

    def forward(z: Tensor, u: Tensor, h: Tensor, c: Tensor, factors: Tensor | None) -> list[Tensor]:
        return call("forward", [z, u, h, c], factors, [units, units, 4 * units])

    def backward(gates: Tensor, cs: Tensor, u: Tensor, dhs: Tensor, c: Tensor, factors: Tensor | None) -> Tensor:
        return call("backward", [gates, cs, u, dhs, c], factors, [4 * units])[0]

    return forward, backward


@functools.cache
def build(units: int, number: str, gate: str, masked: bool) -> str:
    """Build and load native.cc for a size, once in a process; return the name that XLA's list of functions has it by.

    `masked`: with recurrent dropout. Nothing is kept on disk: a library built for one CPU may not run on another.
    """
    name = f"lstmzoo_{units}_{number}_{gate}{'_masked' * masked}"
    given = {"H": units, "NUMBER": number, "HARD": int(gate == "hard_sigmoid"), "MASKED": int(masked)}
    given |= {"NAME": f'"{name}"'}
    with tempfile.TemporaryDirectory() as folder:
        # linking TensorFlow itself takes seconds; an empty library of its name stands for the one that is loaded
        empty, built = Path(folder, TENSORFLOW), Path(folder, "native.so")
        _compile("-shared", f"-Wl,-soname,{TENSORFLOW}", "-x", "c++", os.devnull, "-o", empty)
        defined = [f"-D{key}={value}" for key, value in given.items()]
        include = f"-I{tf.sysconfig.get_include()}"
        _compile(*FLAGS, *defined, include, SOURCE, "-Wl,--no-as-needed", empty, "-o", built)
        try:
            ctypes.CDLL(str(built))
        except OSError as error:
            raise _failure(f"its library cannot be loaded ({error})") from None
    return name


def _compile(*arguments: object) -> None:
    if problem := run_compiler(*arguments):
        raise _failure(problem)


def _failure(why: str) -> EnvironmentFailure:
    return EnvironmentFailure(
        f"execution.kernel: native was not built: {why}: repair that (a new run may take xla, which computes the same)"
    )
