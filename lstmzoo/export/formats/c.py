"""C: one header of C99 with weights, state and step. It needs `math.h` and `string.h` alone, and allocates nothing."""

from functools import partial
from pathlib import Path

from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.export.formats.c_check import float32_check, int8_check
from lstmzoo.export.formats.c_header import Header
from lstmzoo.export.formats.c_runner import CRunner, find_compiler
from lstmzoo.export.formats.c_text import files_comment, identifier, read_files
from lstmzoo.export.formats.c_weights import with_int8
from lstmzoo.export.formats.format import Format, Int8
from lstmzoo.export.notes import Notes
from lstmzoo.models.blueprint import Blueprint
from lstmzoo.models.signature import Signature

MOST_BYTES = 2**25  # of weights in float32: for each byte gcc takes 65 bytes of memory to compile them, and clang 140
HEAD = """#include <stdio.h>
#include <stdlib.h>
#include "{file}"

// Ends the program if h or c is still zeros after the first step.
static void check(const struct {name}_state *state)
{{
    int k, h = 0, c = 0;
    for (k = 0; k < {name}_UNITS; k++) {{
        h |= state->h[k] != 0;
        c |= state->c[k] != 0;
    }}
    if (h && c)
        return;
    fputs("h or c is all zeros after the first step: the state was not kept, or the input was refused\\n", stderr);
    exit(1);
}}

"""
WRITES = """int main(void)
{{
    struct {name}_state state;
    float logits[{name}_OUTPUTS];
    char text[5];
    unsigned long seed = 1;
    int k, symbol = 0;
    {name}_reset(&state);
    for (k = 0; k < 300; k++) {{
        {name}_step(&state, symbol, logits);
        if (k == 0)
            check(&state);
        symbol = {name}_sample(logits, 0.5, {name}_random(&seed));
        fwrite(text, 1, {name}_spell(symbol, text), stdout);
    }}
    return 0;
}}"""
PREDICTS = """int main(void)
{{
    struct {name}_state state;
    float x[{name}_INPUTS], y[{name}_OUTPUTS];
    int k, first;
    {name}_reset(&state);
    for (first = 1;; first = 0) {{
        for (k = 0; k < {name}_INPUTS; k++)
            if (scanf("%f", &x[k]) != 1)
                return 0;
        {name}_step(&state, x, y);
        if (first)
            check(&state);
        for (k = 0; k < {name}_OUTPUTS; k++)
            printf("%.9g%c", y[k], k + 1 < {name}_OUTPUTS ? ' ' : '\\n');
    }}
}}"""
READS = """int main(void)
{{
    struct {name}_state state;
    float logits[{name}_OUTPUTS];
    {kind};
    {name}_reset(&state);
    {name}_step(&state, input, logits);
    check(&state);
    printf("%f\\n", logits[0]);
    return 0;
}}"""


def write_header(blueprint: Blueprint, notes: Notes, path: Path, int8: bool = False) -> None:
    """Write the header; its names begin with the file's stem, and the card is the comment at its top.

    Raises `InputError` for int8 weights that change the model's numbers too much.
    """
    check = int8_check if int8 else float32_check
    test = check(blueprint, notes.vocabulary is not None, notes.units)
    text = Header(blueprint, int8, notes.units).text(identifier(path.stem), notes.card, notes.vocabulary, test)
    path.write_text(text + files_comment(notes.files(blueprint)), encoding="ascii")


def explain(signature: Signature, symbols: Vocabulary | None, file: str) -> str:
    """Return the card's part that says how to call the header, with a whole program in C."""
    name = identifier(Path(file).stem)
    kind = (
        f"float input[{name}_INPUTS] = {{1}}"
        if signature.encoding == "features"
        else f"int input = {min(1, signature.output_dim - 1)}"
    )
    template = PREDICTS if signature.numbers else READS if symbols is None else WRITES
    draws = (
        "" if signature.numbers else f"- `{name}_sample(logits, temperature, {name}_random(&seed))`: a symbol drawn.\n"
    )
    return f"""## How to call it

- `struct {name}_state`: h and c of every layer; `{name}_reset(&state)` makes them zeros, as a stream starts.
{_step(signature, name)}
- `{name}_save(&state, bytes)`, `{name}_load(&state, bytes)`: the state as `{name}_STATE_BYTES` bytes, and back.
{draws}- `gcc -x c -D {name}_TEST {file} -lm` makes a program that checks it over 200 steps.

```c
{(HEAD + template).format(file=file, name=name, kind=kind)}
```"""


def _step(signature: Signature, name: str) -> str:
    """Return the card's lines on the step: what it reads and what it writes."""
    features, size = signature.encoding == "features", signature.output_dim
    given = "const float *x" if features else "int symbol"
    reads = f"`x[{signature.input_dim}]`, finite numbers" if features else f"an integer from 0 to {size - 1}"
    place, writes = "logits", f"{size} logits, whose softmax is the distribution of the answer"
    if signature.numbers:
        place, writes = "y", f"`y[{size}]`"
    return f"""- `{name}_step(struct {name}_state *state, {given}, float *{place})`: reads {reads},
  goes on from the state, and writes {writes}."""


def describe(blueprint: Blueprint, notes: Notes, path: Path, int8: bool) -> list[str]:
    """Return lines for a person: the calls, and what the model costs where it runs."""
    name, cost = identifier(path.stem), Header(blueprint, int8, notes.units).cost()
    calls = [f"{name}_{call}" for call in ("reset", "step", "save", "load", *([] if blueprint.outputs else ["sample"]))]
    made = "" if name == path.stem else f" ({path.stem!r} is no name in C)"
    return [
        f"calls: {', '.join(calls)}{made}",
        f"costs: {cost.flash:,} bytes of flash, {cost.ram:,} of RAM a stream, {cost.stack:,} of stack and "
        f"{cost.products:,} multiply-adds a step",
    ]


C = Format(
    write_header,
    CRunner,
    read_files,
    ending=".h",
    inside="in its comment and tables",
    sentence="Include it in one file of C99 or C++ and link `-lm`; `-O3 -march=native -ffp-contract=fast` is fastest.",
    check=find_compiler,
    most_bytes=MOST_BYTES,
    is_runtime=True,
    needs_tensorflow=False,
    explain=explain,
    describe=describe,
    places=("x[{}]", "y[{}]"),
    int8=Int8(partial(write_header, int8=True), with_int8),
)
