"""The step of a C header: the tables that a model needs, and the lines of `NAME_step`, from the input to the output."""

from typing import NamedTuple

import numpy as np

from lstmzoo.export.formats.c_text import table
from lstmzoo.export.formats.c_weights import (
    PANEL,
    by_gate,
    from_states,
    head,
    in_fours,
    padded,
    panels,
    panels_of_fours,
    rounded,
    widened,
)
from lstmzoo.export.units import Units
from lstmzoo.models.blueprint import Blueprint

MOST_SUM = 2**31 - 1


class Cost(NamedTuple):
    """The cost of a model in C: bytes of its tables, of a state and of a step's arrays, multiply-adds of a step."""

    flash: int
    ram: int
    stack: int
    products: int


class Step:
    """The tables of a model and the lines that compute a step, made one by one from the input up."""

    def __init__(self, blueprint: Blueprint, int8: bool, units: tuple[Units, Units] | None):
        self.blueprint, self.weights, self.int8, self.scales = blueprint, blueprint.weights, int8, units
        self.features = blueprint.encoding == "features"
        self.tables: list[str] = []
        self.flash = self.products = self.most = self.inputs = 0
        self.units = [padded(layer.units) for layer in self.weights.layers]
        self.outputs = self.weights.head.bias.size  # type: ignore[union-attr]
        self.sums = max(*(4 * units for units in self.units), padded(self.outputs, PANEL))
        self.entry = self._entry()
        self.lines = [*self._first(), *self._above(), *self._head()]

    def cost(self) -> Cost:
        """Return what the model costs."""
        rounded_inputs = 6 * self.most + 4 * PANEL if self.int8 else 0
        stack = 4 * (self.sums + padded(self.inputs)) + rounded_inputs
        return Cost(self.flash, 8 * sum(self.units), stack, self.products)

    def function(self) -> str:
        """Return NAME_step; what is no input gives NAN, and leaves the state as it was."""
        given = "const float *x" if self.features else "int symbol"
        what = "NAME_INPUTS finite numbers" if self.features else "a symbol, from 0 to NAME_SYMBOLS - 1"
        gives = "numbers" if self.blueprint.outputs else "logits"
        scaled = "" if self.scales is None else ", both in the units of the data"
        lines = [
            f"NAME_LOCAL float sums[{self.sums}];",
            *([f"NAME_LOCAL float input[{padded(self.inputs)}] = {{0.0f}};"] if self.inputs else []),
            *(["float bound = 0.0f;"] if self.inputs and self.int8 else []),
            "int k, valid = 1;",
            *self._checked(),
            *self.lines,
        ]
        body = "\n".join(f"    {line}" for line in lines)
        return (
            f"/* Reads {what}, and writes NAME_OUTPUTS {gives}{scaled};\n"
            "   anything else gives NAN and leaves the state. */\n"
            f"NAME_FUNCTION void NAME_step(struct NAME_state *state, {given}, float *{self._output})\n{{\n{body}\n}}"
        )

    def _checked(self) -> list[str]:
        """Return the lines that bring the input and refuse what is none: numbers once they are scaled."""
        refuse = [
            "if (!valid) {",
            "    for (k = 0; k < NAME_OUTPUTS; k++)",
            f"        {self._output}[k] = NAN;",
            "    return;",
            "}",
        ]
        if not self.features:
            return ["valid = symbol >= 0 && symbol < NAME_SYMBOLS;", *refuse, *self.entry]
        finite = [
            f"for (k = 0; k < {self.inputs}; k++)",
            "    if (!(input[k] - input[k] == 0.0f))",
            "        valid = 0;",
        ]
        return [*self.entry, *finite, *refuse]

    def _first(self) -> list[str]:
        """Return the lines of the first layer: its sums by the input, and then by its own state."""
        layer, size = self.weights.layers[0], 4 * self.units[0]
        kernel, bias = by_gate(layer.kernel), by_gate(layer.bias)
        states = self._product("layer0", from_states(layer, True), "state->h", "1.0f")
        cell = f"NAME_cell(sums, state->h, state->c, {self.units[0]});"
        if self.blueprint.encoding == "one_hot":
            return [*self._row(kernel, bias, size), *states, cell]
        self._add("float", "bias0", bias)
        inputs = self._product("input0", in_fours(kernel), "input", "bound")
        return ["memcpy(sums, NAME_bias0, sizeof NAME_bias0);", *inputs, *states, cell]

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

    def _entry(self) -> list[str]:
        """Return the lines that bring an input to `input`: features, a symbol's number, or its row of the embedding."""
        if self.blueprint.encoding == "one_hot":
            return []
        size = self.inputs = len(self.weights.layers[0].kernel)
        lines = self._features(size) if self.features else self._symbol(size)
        if self.int8:
            larger = "    bound = fabsf(input[k]) > bound ? fabsf(input[k]) : bound;"
            lines += [f"for (k = 0; k < {size}; k++)", larger]
        return lines

    def _features(self, size: int) -> list[str]:
        """Return the lines for features: scaled in the order of `Units`, which costs no digit of a large mean."""
        if self.scales is None:
            return [f"memcpy(input, x, {size} * sizeof(float));"]
        for name, numbers in zip(("means", "factors", "rests"), self.scales[0].into_model(), strict=True):
            self._add("float", f"input_{name}", numbers)
        scaled = "(x[k] - NAME_input_means[k]) * NAME_input_factors[k] - NAME_input_rests[k]"
        return [f"for (k = 0; k < {size}; k++)", f"    input[k] = {scaled};"]

    def _symbol(self, size: int) -> list[str]:
        """Return the lines for a symbol: its number, or its row of the embedding."""
        rows = self.weights.embedding
        if rows is None:
            return ["input[0] = (float)symbol;"]
        if not self.int8:
            self._add("float", "embedding", rows)
            return [f"memcpy(input, NAME_embedding + {size}L * symbol, {size} * sizeof(float));"]
        found, width = rounded(rows), padded(size)
        self._add("float", "embedding_scales", found.scales)
        self._add("signed char", "embedding", widened(found.numbers, width))
        row = f"NAME_embedding_scales[symbol] * (float)NAME_embedding[{width}L * symbol + k]"
        return [f"for (k = 0; k < {size}; k++)", f"    input[k] = {row};"]

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
        """Return the lines of what comes out: the head's sums, the skip's, and numbers in the units of the data."""
        kernel, bias = head(self.weights.head)  # type: ignore[arg-type]
        self._add("float", "head_bias", bias)
        places = [f"state->h + {sum(self.units[:layer])}" for layer in range(len(self.units))]
        (product,) = self._product("head", kernel, places[-1], "1.0f")
        seen = places if self.blueprint.spec.skip_outputs else places[-1:]
        self.products += (len(seen) - 1) * kernel.size
        lines = ["memcpy(sums, NAME_head_bias, sizeof NAME_head_bias);"]
        lines += [product.replace(places[-1], place) for place in seen]
        if (skip := self.weights.skip) is not None:
            lines += self._product("skip", in_fours(widened(skip, bias.size)), "input", "bound")
        if self.scales is None:
            return [*lines, f"memcpy({self._output}, sums, NAME_OUTPUTS * sizeof(float));"]
        for name, numbers in zip(("deviations", "means"), self.scales[1].out_of_model(), strict=True):
            self._add("float", f"output_{name}", numbers)
        unscaled = "sums[k] * NAME_output_deviations[k] + NAME_output_means[k]"
        return [*lines, "for (k = 0; k < NAME_OUTPUTS; k++)", f"    y[k] = {unscaled};"]

    @property
    def _output(self) -> str:
        return "y" if self.blueprint.outputs else "logits"

    def _product(self, name: str, matrix: np.ndarray, inputs: str, bound: str) -> list[str]:
        """Add a matrix `[inputs, sums]`, and return the line that multiplies inputs with it."""
        count, size = matrix.shape
        self.products, self.most = self.products + matrix.size, max(self.most, count)
        if not self.int8:
            self._add("float", name, panels(matrix))
            return [f"NAME_product(NAME_{name}, {inputs}, {count}, sums, {size});"]
        rows, limit = rounded(matrix.T), min(2**15 - 1, MOST_SUM // (127 * count))
        self._add("float", f"{name}_scales", rows.scales)
        self._add("signed char", name, panels_of_fours(rows.numbers.T))
        line = f"NAME_product(NAME_{name}, NAME_{name}_scales, {bound}, {limit}, {inputs}, {count}, sums, {size});"
        return [line]

    def _add(self, kind: str, name: str, numbers: np.ndarray) -> None:
        self.flash += numbers.nbytes
        self.tables.append(table(kind, name, numbers))
