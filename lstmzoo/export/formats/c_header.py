"""The text of a C header: its tables, and the step of a model in C, put into the template beside this."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.formats.c_weights import (
    PANEL,
    by_gate,
    from_states,
    head,
    in_fours,
    padded,
    panels,
    rounded,
    widened,
)
from lstmzoo.models.blueprint import Blueprint, Weights

HERE = Path(__file__).parent
LINE = 16  # numbers of a table in a line
MOST_SUM = 2**31 - 1
GATES = {
    "sigmoid": "    return 0.5f + 0.5f * NAME_tanh(0.5f * x);",
    "hard_sigmoid": "    x = 0.2f * x + 0.5f;\n    return x > 1.0f ? 1.0f : x < 0.0f ? 0.0f : x;",
}


class Check(NamedTuple):
    """The self-test of a header: what goes in, `[steps]` or `[steps, D]`, and the outputs `[steps, V]`."""

    inputs: np.ndarray
    outputs: np.ndarray
    unit: float
    """The size that differences are measured in: the largest output where that is above 1."""
    bound: float
    """The largest difference that passes, in that unit."""


class Cost(NamedTuple):
    """The cost of a model in C: bytes of its tables, of a state and of a step's arrays, multiply-adds of a step."""

    flash: int
    ram: int
    stack: int
    products: int


def identifier(stem: str) -> str:
    """Return the C identifier of a file's stem: `identifier("my-net")` is "my_net", and "2x8" gives "model_2x8"."""
    name = re.sub("[^A-Za-z0-9_]", "_", stem)
    return name if name[:1].isalpha() else f"model_{name}"


def digest_of(weights: Weights) -> bytes:
    """Return the SHA-256 of weights: of their float32 numbers, in the order of `model.get_weights()`."""
    content = hashlib.sha256()
    for part in weights.in_order():
        content.update(np.ascontiguousarray(part, "<f4").tobytes())
    return content.digest()


class Header:
    """The parts of a header, made table by table: `text` puts them together."""

    def __init__(self, blueprint: Blueprint, int8: bool):
        self.blueprint, self.weights, self.int8 = blueprint, blueprint.weights, int8
        self.features = blueprint.encoding == "features"
        self.tables: list[str] = []
        self.flash = self.products = self.most = self.inputs = 0
        self.units = [padded(layer.units) for layer in self.weights.layers]
        self.sums = max(*(4 * units for units in self.units), padded(self.weights.head.bias.size, PANEL))  # type: ignore[union-attr]
        self.step = [*self._first(), *self._above(), *self._head()]

    def cost(self) -> Cost:
        """Return what the model costs."""
        rounded_inputs = 2 * self.most if self.int8 else 0
        stack = 4 * (self.sums + padded(self.inputs)) + rounded_inputs
        return Cost(self.flash, 8 * sum(self.units), stack, self.products)

    def text(self, name: str, comment: str, symbols: Vocabulary | None, check: Check) -> str:
        """Return the whole header; `name` stands before each of its names, `comment` at its top."""
        outputs = self.weights.head.bias.size  # type: ignore[union-attr]
        stride = padded(outputs, 128) // 128
        expected = [row[t % stride :: stride] for t, row in enumerate(check.outputs)]
        tests = [
            f"enum {{ NAME_TEST_STEPS = {len(check.inputs)}, NAME_TEST_STRIDE = {stride} }};",
            f"#define NAME_TEST_UNIT {check.unit:.6g}",
            f"#define NAME_TEST_BOUND {check.bound:.3g}",
            _table("float" if self.features else "int", "test_inputs", check.inputs),
            _table("float", "test_outputs", np.concatenate(expected)),
        ]
        entries = f"NAME_INPUTS = {self.inputs}" if self.features else f"NAME_SYMBOLS = {self.blueprint.vocab_size}"
        parts = {
            "SIZES": f"enum {{ {entries}, NAME_OUTPUTS = {outputs}, NAME_UNITS = {sum(self.units)}, "
            f"NAME_MOST_INPUTS = {self.most} }};",
            "TABLES": "\n\n".join(self.tables),
            "PRODUCT": _part("int8" if self.int8 else "float32"),
            "GATE": GATES[self.blueprint.spec.recurrent_activation],
            "STEP": self._function(),
            "DIGEST": ", ".join(map(str, digest_of(self.weights))),
            "VOCABULARY": "" if symbols is None else _vocabulary(symbols),
            "TEST_INPUT": f" + {self.inputs} * t" if self.features else "[t]",
            "TEST_TABLES": "\n\n".join(tests),
        }
        whole = re.sub("@([A-Z_]+)@", lambda found: parts.get(found[1], found[0]), _part("template"))
        return whole.replace("NAME_", f"{name}_").replace("@COMMENT@", _comment(comment)) + "\n"

    def _first(self) -> list[str]:
        """Return the lines of the first layer: its sums by the input, and then by its own state."""
        layer, size = self.weights.layers[0], 4 * self.units[0]
        kernel, bias = by_gate(layer.kernel), by_gate(layer.bias)
        states = self._product("layer0", from_states(layer, True), "state->h", "1.0f")
        cell = f"NAME_cell(sums, state->h, state->c, {self.units[0]});"
        if self.blueprint.encoding == "one_hot":
            return [*self._row(kernel, bias, size), *states, cell]
        self._add("float", "bias0", bias)
        inputs = self._product("input0", in_fours(kernel), "x", "bound")
        return [*self._dense(len(kernel)), "memcpy(sums, NAME_bias0, sizeof NAME_bias0);", *inputs, *states, cell]

    def _row(self, kernel: np.ndarray, bias: np.ndarray, size: int) -> list[str]:
        """Return the line that looks a symbol's row of the kernel up."""
        if not self.int8:
            self._add("float", "rows", kernel + bias)
            return [f"memcpy(sums, NAME_rows + {size}L * symbol, {size} * sizeof(float));"]
        table = rounded(kernel)
        self._add("float", "bias0", bias)
        self._add("float", "row_scales", table.scales)
        self._add("signed char", "rows", table.numbers)
        return [f"NAME_row(NAME_rows + {size}L * symbol, NAME_row_scales[symbol], NAME_bias0, sums, {size});"]

    def _dense(self, size: int) -> list[str]:
        """Return the lines that bring an input to `x`: features, a symbol's number, or its row of the embedding."""
        table, self.inputs = self.weights.embedding, size
        if self.features:
            lines = [f"memcpy(x, inputs, {size} * sizeof(float));"]
        elif table is None:
            lines = ["x[0] = (float)symbol;"]
        elif self.int8:
            found, width = rounded(table), padded(size)
            self._add("float", "embedding_scales", found.scales)
            self._add("signed char", "embedding", widened(found.numbers, width))
            row = f"NAME_embedding_scales[symbol] * (float)NAME_embedding[{width}L * symbol + k]"
            lines = [f"for (k = 0; k < {size}; k++)", f"    x[k] = {row};"]
        else:
            self._add("float", "embedding", table)
            lines = [f"memcpy(x, NAME_embedding + {size}L * symbol, {size} * sizeof(float));"]
        if self.int8:
            lines += [f"for (k = 0; k < {size}; k++)", "    bound = fabsf(x[k]) > bound ? fabsf(x[k]) : bound;"]
        return lines

    def _above(self) -> list[str]:
        """Return the lines of the layers above the first one, whose inputs stand beside one another in the state."""
        lines, place = [], 0
        for index, layer in enumerate(self.weights.layers[1:], 1):
            below, units = self.units[index - 1 : index + 1]
            self._add("float", f"bias{index}", by_gate(layer.bias))
            lines.append(f"memcpy(sums, NAME_bias{index}, sizeof NAME_bias{index});")
            lines += self._product(f"layer{index}", from_states(layer, False), f"state->h + {place}", "1.0f")
            place += below
            lines.append(f"NAME_cell(sums, state->h + {place}, state->c + {place}, {units});")
        return lines

    def _head(self) -> list[str]:
        kernel, bias = head(self.weights.head)  # type: ignore[arg-type]
        self._add("float", "head_bias", bias)
        place = f"state->h + {sum(self.units[:-1])}"
        lines = self._product("head", kernel, place, "1.0f")
        return ["memcpy(sums, NAME_head_bias, sizeof NAME_head_bias);", *lines]

    def _product(self, name: str, matrix: np.ndarray, inputs: str, bound: str) -> list[str]:
        """Add a matrix `[inputs, sums]`, and return the line that multiplies inputs with it."""
        count, size = matrix.shape
        self.products, self.most = self.products + matrix.size, max(self.most, count)
        if not self.int8:
            self._add("float", name, panels(matrix))
            return [f"NAME_product(NAME_{name}, {inputs}, {count}, sums, {size});"]
        rows, limit = rounded(matrix.T), min(2**15 - 1, MOST_SUM // (127 * count))
        self._add("float", f"{name}_scales", rows.scales)
        self._add("signed char", name, rows.numbers)
        line = f"NAME_product(NAME_{name}, NAME_{name}_scales, {bound}, {limit}, {inputs}, {count}, sums, {size});"
        return [line]

    def _add(self, kind: str, name: str, numbers: np.ndarray) -> None:
        self.flash += numbers.nbytes
        self.tables.append(_table(kind, name, numbers))

    def _function(self) -> str:
        """Return NAME_step; what is no input gives NAN, and leaves the state as it was."""
        dense = self.blueprint.encoding != "one_hot"
        given = "const float *inputs" if self.features else "int symbol"
        least = "from 0 to NAME_SYMBOLS - 1"
        what = "NAME_INPUTS finite numbers" if self.features else f"a symbol, {least}"
        wrong = (
            [f"for (k = 0; k < {self.inputs}; k++)", "    if (!(inputs[k] - inputs[k] == 0.0f))", "        valid = 0;"]
            if self.features
            else ["valid = symbol >= 0 && symbol < NAME_SYMBOLS;"]
        )
        lines = [
            f"NAME_LOCAL float sums[{self.sums}];",
            *([f"NAME_LOCAL float x[{padded(self.inputs)}] = {{0.0f}};"] if dense else []),
            *(["float bound = 0.0f;"] if dense and self.int8 else []),
            "int k, valid = 1;",
            *wrong,
            "if (!valid) {",
            "    for (k = 0; k < NAME_OUTPUTS; k++)",
            "        logits[k] = NAN;",
            "    return;",
            "}",
            *self.step,
            "memcpy(logits, sums, NAME_OUTPUTS * sizeof(float));",
        ]
        body = "\n".join(f"    {line}" for line in lines)
        return (
            f"/* Reads {what}, and writes NAME_OUTPUTS logits; anything else gives NAN and leaves the state. */\n"
            f"NAME_FUNCTION void NAME_step(struct NAME_state *state, {given}, float *logits)\n{{\n{body}\n}}"
        )


def _part(name: str) -> str:
    return (HERE / f"c_{name}.h").read_text(encoding="utf-8").rstrip("\n")


def _table(kind: str, name: str, numbers: np.ndarray) -> str:
    """Return a constant array; floats with as many digits as it takes to read the same numbers."""
    flat = numbers.ravel()
    floats = kind == "float"
    words = [f"{word}f" for word in flat.astype(np.float32).astype(str)] if floats else list(map(str, flat.tolist()))
    lines = ",\n".join(", ".join(words[k : k + LINE]) for k in range(0, len(words), LINE))
    return f"NAME_TABLE {kind} NAME_{name}[{len(words)}] = {{\n{lines}\n}};"


def _vocabulary(symbols: Vocabulary) -> str:
    is_byte = symbols.unit == "byte"
    codes = ",\n".join(", ".join(map(str, line)) for line in _lines(symbols.codes.tolist()))
    form = f" Texts are first brought to Unicode's form {symbols.normalize}." if symbols.normalize else ""
    lower = " Texts are lower-cased first: the model knows lower case only." if symbols.lowercase else ""
    parts = {
        "UNIT": "a byte" if is_byte else "a character of Unicode",
        "ONE": "a byte" if is_byte else "a character",
        "LOWER": form + lower,
        "CODE_TYPE": "unsigned long",
        "CODES": codes,
        "UTF8": "" if is_byte else " in UTF-8",
        "MORE": "0" if is_byte else "code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3",
    }
    return re.sub("@([A-Z_0-9]+)@", lambda found: parts[found[1]], _part("vocabulary")) + "\n"


def _lines(numbers: list[int]) -> Iterable[list[int]]:
    return (numbers[k : k + LINE] for k in range(0, len(numbers), LINE))


def _comment(text: str) -> str:
    """Return a text that can stand in a comment of C: in ASCII, without its marks, and without trigraphs."""
    plain = text.encode("ascii", "backslashreplace").decode()
    return re.sub(r"\?(?=\?)", "? ", plain.replace("*/", "* /").replace("/*", "/ *"))
