"""The kernels that can run here: `native` where a C++ compiler is."""

from lstmzoo.execution import kernels
from lstmzoo.system.compiler import find_compiler

LAYERS = {name: layer for name, layer in kernels.LAYERS.items() if name != "native" or find_compiler()}
