"""C: one header of C99 with weights, state and step. It needs `math.h` and `string.h` alone, and allocates nothing."""

from functools import partial
from pathlib import Path

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import InputError
from lstmzoo.export.formats.c_check import float32_check, int8_check
from lstmzoo.export.formats.c_header import Header, identifier
from lstmzoo.export.formats.c_runner import CRunner, find_compiler
from lstmzoo.export.formats.c_weights import with_int8
from lstmzoo.export.formats.format import Format, Int8
from lstmzoo.export.notes import Notes
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature

MOST_BYTES = 2**25  # of weights in float32: for each byte gcc takes 65 bytes of memory to compile them, and clang 140
WRITES = """#include <stdio.h>
#include "{file}"

int main(void)
{{
    struct {name}_state state;
    float logits[{name}_OUTPUTS];
    char text[5];
    unsigned long seed = 1;
    int k, symbol = 0;
    {name}_reset(&state);
    for (k = 0; k < 300; k++) {{
        {name}_step(&state, symbol, logits);
        symbol = {name}_sample(logits, 0.5, {name}_random(&seed));
        fwrite(text, 1, {name}_spell(symbol, text), stdout);
    }}
    return 0;
}}"""
READS = """#include <stdio.h>
#include "{file}"

int main(void)
{{
    struct {name}_state state;
    float logits[{name}_OUTPUTS];
    {kind};
    {name}_reset(&state);
    {name}_step(&state, input, logits);
    printf("%f\\n", logits[0]);
    return 0;
}}"""


def write_header(blueprint: Blueprint, notes: Notes, path: Path, int8: bool = False) -> None:
    """Write the header; its names begin with the file's stem, and the card is the comment at its top.

    Raises `InputError` for int8 weights that change the model's numbers too much.
    """
    if blueprint.outputs is not None:
        raise InputError("format: expected a model of symbols with c, received one of numbers: choose another format")
    check = int8_check if int8 else float32_check
    text = Header(blueprint, int8).text(
        identifier(path.stem), notes.card, notes.vocabulary, check(blueprint, notes.vocabulary is not None)
    )
    path.write_text(text, encoding="ascii")


def explain(signature: Signature, symbols: Vocabulary | None, file: str) -> str:
    """Return the card's part that says how to call the header, with a whole program in C."""
    name, features = identifier(Path(file).stem), signature.encoding == "features"
    given = "const float *inputs" if features else "int symbol"
    kind = f"float input[{name}_INPUTS] = {{0}}" if features else "int input = 0"
    program = (READS if symbols is None else WRITES).format(file=file, name=name, kind=kind)
    known = f"an integer from 0 to {signature.output_dim - 1}"
    what = f"{signature.input_dim} finite numbers" if features else known
    return f"""## How to call it

- `struct {name}_state`: h and c of every layer; `{name}_reset(&state)` makes them zeros, as a stream starts.
- `{name}_step(struct {name}_state *state, {given}, float *logits)`: reads {what}, goes on from the state, and writes
  {signature.output_dim} logits, whose softmax is the distribution of the answer.
- `{name}_save(&state, bytes)`, `{name}_load(&state, bytes)`: the state as `{name}_STATE_BYTES` bytes, and back.
- `{name}_sample(logits, temperature, {name}_random(&seed))`: a symbol drawn.
- `gcc -x c -D {name}_TEST {file} -lm` makes a program that checks it over 200 steps.

```c
{program}
```"""


def describe(blueprint: Blueprint, path: Path, int8: bool) -> list[str]:
    """Return lines for a person: the calls, and what the model costs where it runs."""
    name, cost = identifier(path.stem), Header(blueprint, int8).cost()
    made = "" if name == path.stem else f" ({path.stem!r} is no name in C)"
    return [
        f"calls: {name}_reset, {name}_step, {name}_save, {name}_load, {name}_sample{made}",
        f"costs: {cost.flash:,} bytes of flash, {cost.ram:,} of RAM a stream, {cost.stack:,} of stack and "
        f"{cost.products:,} multiply-adds a step",
    ]


C = Format(
    write_header,
    CRunner,
    ending=".h",
    inside="in its comment and tables",
    sentence="Include it in one file of C99 or C++ and link `-lm`; `-O3 -march=native -ffp-contract=fast` is fastest.",
    check=find_compiler,
    most_bytes=MOST_BYTES,
    is_runtime=True,
    needs_tensorflow=False,
    explain=explain,
    describe=describe,
    int8=Int8(partial(write_header, int8=True), with_int8),
)
