"""The text of a C header: the tables and the step of a model, its digest and its test, put into the template."""

import re
from typing import NamedTuple

import numpy as np

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.formats.c_step import Cost, Step
from lstmzoo.export.formats.c_text import comment, part, table, vocabulary
from lstmzoo.export.formats.c_weights import padded
from lstmzoo.export.units import Units
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.facts import digest_of

GATES = {"sigmoid": "0.5f + 0.5f * NAME_tanh(0.5f * x)", "hard_sigmoid": "0.5f + 0.2f * x"}
MOST = {"sigmoid": "18.0f", "hard_sigmoid": "2.5f"}  # a gate of more is that of this


class Check(NamedTuple):
    """The self-test of a header: what goes in, `[steps]` or `[steps, D]`, and the outputs, `[steps, V]` or M."""

    inputs: np.ndarray
    outputs: np.ndarray
    unit: float
    """The size that differences are measured in: the largest output where that is above 1, in deviations if scaled."""
    bound: float
    """The largest difference that passes, in that unit."""


class Header:
    """The text of a header, and what its model costs.

    With `units` it takes and gives numbers in the units of the data, scaled as in every exported graph.
    """

    def __init__(self, blueprint: Blueprint, int8: bool, units: tuple[Units, Units] | None = None):
        self.blueprint, self.int8, self.scaled = blueprint, int8, units is not None
        self.step = Step(blueprint, int8, units)

    def cost(self) -> Cost:
        """Return what the model costs."""
        return self.step.cost()

    def text(self, name: str, card: str, symbols: Vocabulary | None, check: Check) -> str:
        """Return the whole header; `name` stands before each of its names, the card at its top."""
        gate = self.blueprint.spec.recurrent_activation
        parts = {
            "SIZES": self._sizes(),
            "TABLES": "\n\n".join(self.step.tables),
            "PRODUCT": part("int8" if self.int8 else "float32"),
            "GATE": GATES[gate],
            "MOST": MOST[gate],
            "STEP": self.step.function(),
            "DIGEST": ", ".join(map(str, digest_of(self.blueprint.weights))),
            "VOCABULARY": "" if symbols is None else vocabulary(symbols),
            "DRAW": "" if self.blueprint.outputs else part("draw") + "\n",
            "TEST_SCALE": " / (double)NAME_output_deviations[k]" if self.scaled else "",
            "TEST_OF": " deviations" if self.scaled else "",
            "TEST_INPUT": f" + {self.step.inputs} * t" if self.step.features else "[t]",
            "TEST_TABLES": self._tests(check),
        }
        whole = re.sub("@([A-Z_]+)@", lambda found: parts.get(found[1], found[0]), part("template"))
        return whole.replace("NAME_", f"{name}_").replace("@COMMENT@", comment(card)) + "\n"

    def _sizes(self) -> str:
        step = self.step
        inputs = f"INPUTS = {step.inputs}" if step.features else f"SYMBOLS = {self.blueprint.vocab_size}"
        sizes = [inputs, f"OUTPUTS = {step.outputs}", f"UNITS = {sum(step.units)}", f"MOST_INPUTS = {step.most}"]
        return f"enum {{ {', '.join(f'NAME_{size}' for size in sizes)} }};"

    def _tests(self, check: Check) -> str:
        """Return the tables of the self-test: of many outputs a part, another one at each step."""
        stride = padded(self.step.outputs, 128) // 128
        expected = [row[t % stride :: stride] for t, row in enumerate(check.outputs)]
        tests = [
            f"enum {{ NAME_TEST_STEPS = {len(check.inputs)}, NAME_TEST_STRIDE = {stride} }};",
            f"#define NAME_TEST_UNIT {check.unit:.6g}",
            f"#define NAME_TEST_BOUND {check.bound:.3g}",
            table("float" if self.step.features else "int", "test_inputs", check.inputs),
            table("float", "test_outputs", np.concatenate(expected)),
        ]
        return "\n\n".join(tests)
