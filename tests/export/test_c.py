"""The C header: compilers are silent, its own test passes, its numbers and states are right, bad input is one message."""

import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lstmzoo
from lstmzoo.data.columns import Sound
from lstmzoo.data.table_writers import wav_writer
from lstmzoo.data.tables import open_table
from lstmzoo.data.vocabulary import Vocabulary
from lstmzoo.errors import EnvironmentFailure, InputError
from lstmzoo.export.card import Source, card_of
from lstmzoo.export.formats import c_check, c_runner
from lstmzoo.export.formats.c import C
from lstmzoo.export.formats.c_header import Header
from lstmzoo.export.formats.c_text import identifier
from lstmzoo.export.formats.c_weights import with_int8
from lstmzoo.export.formats.registry import require_small
from lstmzoo.export.notes import Notes
from lstmzoo.export.write import source_of_run, write_export
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import choose
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.inference.runtimes import open_runner
from lstmzoo.models.blueprint import from_list, weight_shapes
from lstmzoo.models.facts import digest_of
from lstmzoo.models.signature import signature_of
from lstmzoo.models.spec import Sizes, spec_of
from lstmzoo.predict import predict
from lstmzoo.runs.trained import open_run
from tests.helpers.exports import MODELS, NUMBERS, SCALING, D, M, V
from tests.helpers.places import ROOT
from tests.helpers.rows import few

STRICT = ("-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILERS = {
    "gcc": ("gcc", "-std=c99", "-x", "c"),
    "clang": ("clang", "-std=c99", "-x", "c"),
    "g++": ("g++", "-x", "c++"),
    "clang++": ("clang++", "-x", "c++"),
}
CALLS = ("reset", "step", "save", "load", "sample")
SYMBOLS = {
    "char": Vocabulary([10, 39, 0x7F, 0xE9, 0x7FF, 0x20AC, 0x1F600], "char"),
    "byte": Vocabulary([0, 10, 65, 97, 200, 254, 255], "byte"),
}
OF_NUMBERS = [
    "numbers single",
    "numbers stacked_cells-2 skip",
    "numbers stacked_layers-3 skip",
    "numbers hard_sigmoid skip",
]
NAMES = [*(name for name in MODELS if name != "dropout"), *OF_NUMBERS]
pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler is installed")


def drawn(name, scale=0.7, size=V):
    """A model of random weights, without TensorFlow."""
    encoding = name if name in ("embedding", "scalar", "features") else "one_hot"
    spec = spec_of({**MODELS, **NUMBERS}.get(name) or {"units": int(name)})
    sizes = Sizes(size, input_dim=D if name == "features" else None)
    if name in NUMBERS:
        encoding, sizes = "features", Sizes(input_dim=D, outputs=M)
    draws = np.random.default_rng(3)
    shapes = weight_shapes(spec, encoding, sizes)
    return from_list(spec, encoding, sizes, [draws.normal(0, scale, shape).astype(np.float32) for shape in shapes])


def header(folder, name="single", int8=False, symbols="char", stem="net", scale=0.4):
    """A header's path, with a card that has all that a comment could trip over."""
    path = folder / f"{stem}.h"
    card = "# a card /* of */ ??/ caf\xe9 // \\"
    notes = Notes(None, card, SCALING) if name in NUMBERS else Notes(SYMBOLS[symbols], card)
    (C.int8.write if int8 else C.write)(drawn(name, scale), notes, path)
    return path


def compiled(folder, source, *options, compiler="gcc"):
    """Compile a program without a warning, and return its path."""
    command = COMPILERS[compiler]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    line = [*command, *options, "-", "-o", "program", "-lm"]
    done = subprocess.run(line, input=source, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:2000]
    return folder / "program"


def run(folder, source, *options, compiler="gcc", given=""):
    """Compile a program, and return what it prints."""
    program = compiled(folder, source, *options, compiler=compiler)
    done = subprocess.run([program], input=given, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout, done.stderr[:2000])
    return done.stdout


SAME = {"stacked_layers-1": "single", **{f"stacked_cells-{depth}": f"stacked_layers-{depth}" for depth in (1, 2, 3)}}
IN_CPP = ["embedding", "hard_sigmoid", "features", "numbers stacked_cells-2 skip"]  # all parts of the template
TABLE = [
    (name, int8, compiler)
    for name in NAMES
    for int8 in (False, True)
    for compiler in COMPILERS
    if name not in SAME and (name in IN_CPP or "++" not in compiler)
]
ALWAYS = [("embedding", False, "gcc"), ("numbers stacked_cells-2 skip", True, "clang"), ("hard_sigmoid", False, "g++")]


@pytest.mark.parametrize(("name", "int8", "compiler"), few(TABLE, ALWAYS))
def test_compilers_are_silent_and_its_own_test_passes(name, int8, compiler, tmp_path):
    path = header(tmp_path, name, int8, "byte" if int8 else "char")
    said = run(tmp_path, path.read_text(), *STRICT, "-D", "net_TEST", compiler=compiler)
    difference, bound = re.fullmatch(
        r"largest difference (\S+) over 200 steps, in units of \S+(?: deviations)?; bound (\S+)\n", said
    ).groups()
    assert 0 < float(difference) <= float(bound)
    assert int8 or bound == "1e-05" or name in NUMBERS  # of which float32 cannot hold the first mean
    run(tmp_path, f'#include "{path.name}"\nint main(void) {{ return 0; }}\n', *STRICT, compiler=compiler)


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("name", SAME)
def test_a_header_does_not_depend_on_the_kind(name, int8, tmp_path):
    text = header(tmp_path, name, int8).read_text()
    assert text == header(tmp_path, SAME[name], int8).read_text()


PLAIN, WIDE = "-O2 -U__SSE2__", "-O3 -march=native"  # as on a processor that is no x86; as fast as it gets


@pytest.mark.parametrize(("compiler", "options"), few([*product(COMPILERS, [PLAIN, WIDE])], [("gcc", PLAIN)]))
def test_int8_is_right_in_plain_loops_and_in_wide_vectors(compiler, options, tmp_path):
    path = header(tmp_path, "stacked_layers-3", True)
    assert run(tmp_path, path.read_text(), *STRICT, *options.split(), "-D", "net_TEST", compiler=compiler)


def test_its_own_test_finds_a_changed_weight(tmp_path):
    path = header(tmp_path)
    content = path.read_text()
    place = content.index("{\n", content.index("net_layer0[")) + 2
    path.write_text(content[:place] + "0.01f + " + content[place:])
    with pytest.raises(AssertionError, match="largest difference"):
        run(tmp_path, path.read_text(), "-D", "net_TEST")


EXACT = """
#include <stdio.h>
#include "net.h"
int main(void)
{
    double most = 0, gate = 0;
    for (unsigned int bits = 0; bits < 0x41a00000u; bits += %d) {  /* to 20 */
        float x;
        memcpy(&x, &bits, 4);
        for (int k = 0; k < 2; k++, x = -x) {
            most = fmax(most, fabs(net_tanh(net_clamp(x, 9)) - tanh((double)x)));
            gate = fmax(gate, fabs(net_gate(net_clamp(x, 18)) - 1 / (1 + exp(-(double)x))));
        }
    }
    printf("%%g %%g %%g %%g", most, gate, net_tanh(net_clamp(HUGE_VALF, 9)), net_tanh(net_clamp(-HUGE_VALF, 9)));
    return 0;
}
"""


@pytest.mark.parametrize("step", few([9973, 101], [9973]))
@pytest.mark.parametrize("options", [("-O2",), ("-O3", "-ffast-math")])
def test_tanh_and_sigmoid_are_those_of_libm(step, options, tmp_path):
    header(tmp_path)
    most, gate, *ends = map(float, run(tmp_path, EXACT % step, *options).split())
    assert 0 < most < 4e-7  # as the header says
    assert 0 < gate < 2e-7
    assert ends == pytest.approx([1, -1], abs=1e-7)


STATES = """
#include <stdio.h>
#include "net.h"
#include "other.h"
int main(void)
{
    struct net_state state, before;
    unsigned char bytes[net_STATE_BYTES], others[other_STATE_BYTES];
    struct other_state other;
    float logits[net_OUTPUTS], again[net_OUTPUTS];
    int k, accepted = 0;
    net_reset(&state);
    other_reset(&other);
    other_save(&other, others);
    for (k = 0; k < 50; k++)
        net_step(&state, k % net_SYMBOLS, logits);
    net_save(&state, bytes);
    before = state;
    for (k = 0; k < net_STATE_BYTES; k++) {
        bytes[k] ^= 1;
        accepted += net_load(&state, bytes) == 0;
        bytes[k] ^= 1;
    }
    accepted += net_load(&state, others) == 0;
    net_step(&state, -1, again);
    net_step(&state, net_SYMBOLS, again);
    printf("%d %d %d ", accepted, memcmp(&state, &before, sizeof state), again[0] != again[0]);
    net_step(&state, 1, logits);
    net_reset(&state);
    k = net_load(&state, bytes);
    net_step(&state, 1, again);
    printf("%d %d", k, memcmp(logits, again, sizeof again));
    return 0;
}
"""


def test_a_state_goes_on_from_its_bytes_and_others_are_refused(tmp_path):
    """Each altered byte, and the state of another model of the same size; what is no symbol leaves the state."""
    header(tmp_path)
    header(tmp_path, stem="other", scale=0.3)
    assert run(tmp_path, STATES, *STRICT) == "0 0 1 0 0"


DRAWS = """
#include <stdio.h>
#include "net.h"
int main(void)
{
    static const float logits[] = {%s}, none[net_OUTPUTS] = {NAN};
    char text[5];
    unsigned long seed = 1;
    double sum = 0;
    int k;
    for (k = 0; k < 1000; k++)
        printf("%%d %%d ", net_sample(logits, 0.7, (k + 0.5) / 1000), net_sample(logits, 0, 0.5));
    for (k = 0; k < 100000; k++)
        sum += net_random(&seed);
    printf("%%d %%d %%d ", net_sample(none, 1, 0.5), net_find(0x20ac), net_find(3));
    printf("%%.2f\\n", sum / 100000);
    for (k = 0; k < net_OUTPUTS; k++)
        fwrite(text, 1, (size_t)net_spell(k, text), stdout);
    return 0;
}
"""


def test_symbols_are_drawn_as_in_numpy_and_spelled(tmp_path):
    header(tmp_path)
    logits = np.random.default_rng(0).normal(0, 2, V).astype(np.float32)
    words, text = run(tmp_path, DRAWS % ", ".join(map(str, logits)), "-O2").split("\n", 1)
    *drawn, none, euro, unknown, mean = words.split()
    expected = choose(np.tile(logits, (1000, 1)), (np.arange(1000) + 0.5) / 1000, Choice(temperature=0.7))
    assert list(map(int, drawn[::2])) == expected.tolist()
    assert {*map(int, drawn[1::2])} == {int(logits.argmax())}
    assert (none, euro, unknown, mean) == ("-1", "5", "-1", "0.50")
    assert text.encode() == SYMBOLS["char"].decode(np.arange(V))


def guides_programs():
    return re.findall(r"```c\n(.*?)```", (ROOT / "lstmzoo" / "export" / "README.md").read_text(), re.DOTALL)


def test_the_guides_program_writes_a_text(tmp_path):
    header(tmp_path, stem="char")
    program, _ = guides_programs()
    written = run(tmp_path, program, *STRICT)
    assert len(written) == 300
    assert set(written) <= set(SYMBOLS["char"].decode(np.arange(V)).decode())


def cards_program(name, symbols=None):
    (program,) = re.findall(r"```c\n(.*?)```", C.explain(signature_of(drawn(name)), symbols, "net.h"), re.DOTALL)
    return program


CARDS = [("embedding", SYMBOLS["byte"]), ("features", None), ("scalar", None), ("numbers single", None)]


def test_the_cards_programs_run(tmp_path):
    for name, symbols in CARDS:
        header(tmp_path, name)
        assert run(tmp_path, cards_program(name, symbols), *STRICT, given="1e6 0 0")


@pytest.mark.parametrize(("name", "symbols"), few(CARDS, CARDS[:1]))
def test_the_cards_programs_end_where_a_state_stays_zeros(name, symbols, tmp_path):
    header(tmp_path, name, scale=0)
    program = compiled(tmp_path, cards_program(name, symbols), *STRICT)
    done = subprocess.run([program], input="1e6 0 0", capture_output=True, text=True)
    said = "h or c is all zeros after the first step: the state was not kept, or the input was refused\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


def test_the_guides_filter_does_to_a_sound_what_predict_does(tmp_path, capsys):
    trained = open_run("zoo:clipper")
    C.write(trained.blueprint(), Notes(None, "", trained.scaling), tmp_path / "clipper.h")
    with wav_writer(tmp_path / "guitar.wav", Sound(44_100, "int16"), 1, print) as write:
        write(0.9 * np.sin(np.arange(3000)[:, None] / 9))
    predict("zoo:clipper", tmp_path / "guitar.wav", out=tmp_path / "wanted.wav")
    _, program = guides_programs()
    run(tmp_path, program, *STRICT)
    with (tmp_path / "guitar.wav").open("rb") as given, (tmp_path / "out.wav").open("wb") as out:
        subprocess.run([tmp_path / "program"], stdin=given, stdout=out, check=True)
    found, wanted = (open_table(tmp_path / name)[0] for name in ("out.wav", "wanted.wav"))
    assert found.sound == wanted.sound and found.rows == wanted.rows == 3000
    assert np.abs(wanted.read()).max() > 0.3
    np.testing.assert_allclose(found.read(), wanted.read(), rtol=0, atol=1.01 / 2**15)  # the last bit


def test_a_card_names_the_columns_and_its_program_predicts_them(tmp_path):
    """Rows in the units of the data, against NumPy in float64, with numbers scaled before and after."""
    blueprint = drawn("numbers stacked_layers-2 skip", 0.4)
    card = card_of(
        Source(blueprint, None, "pump", "random", scaling=SCALING, answer="are those of row t + 3"), "c", "net.h"
    )
    C.write(blueprint, Notes(None, card, SCALING), tmp_path / "net.h")
    comment = (tmp_path / "net.h").read_text().split("\n*/\n")[0]
    assert "\nThe outputs of row t are those of row t + 3.\n" in comment
    assert "| `x[1]` | tiny | -3e-09 | 2e-09 |" in comment
    assert "| `x[2]` | 1 where tiny is missing, else 0 |" in comment
    assert "| `y[1]` | odd\\|name | 40.5 | 0.7 |" in comment
    assert "before the first: tiny -3e-09." in comment
    (program,) = re.findall(r"```c\n(.*?)```", comment, re.DOTALL)
    means, deviations = SCALING.of(SCALING.inputs)
    values = (means + deviations * np.random.default_rng(5).normal(size=(90, 2))).astype(np.float32)
    missing = np.arange(90)[:, None] % 4 == 1
    rows = "\n".join(
        f"{far!r} {tiny!r} {gone:d}" for (far, tiny), (gone,) in zip(values.tolist(), missing, strict=True)
    )
    found = np.array([line.split() for line in run(tmp_path, program, *STRICT, given=rows).splitlines()], float)
    runner = c_check._precise(blueprint)
    x = np.concatenate([(values - means) / deviations, missing], -1)
    wanted = SCALING.unscale_targets(runner(x[None], runner.signature.zero_states(1))[0][0])
    last_digit = np.spacing(np.abs(wanted).max(0).astype(np.float32))
    difference = np.abs(found - wanted).max(0)
    assert (difference < 1e-5 * SCALING.of(SCALING.targets)[1] + last_digit).all(), difference


NO_ROWS = """
#include <stdio.h>
#include "net.h"
int main(void)
{
    static struct net_state state, before;
    float wrong[] = {NAN, HUGE_VALF, -HUGE_VALF, 3e38f}, x[net_INPUTS] = {1234567, 0}, y[net_OUTPUTS];
    int k, refused = 0;
    for (k = 0; k < 9; k++)
        net_step(&state, x, y);
    before = state;
    for (k = 0; k < 4; k++) {
        x[1] = wrong[k];
        net_step(&state, x, y);
        refused += y[0] != y[0] && y[1] != y[1] && memcmp(&state, &before, sizeof state) == 0;
    }
    printf("%d", refused);
    return 0;
}
"""


def test_a_row_that_is_not_finite_or_not_once_it_is_scaled_leaves_the_state(tmp_path):
    header(tmp_path, "numbers single")
    assert run(tmp_path, NO_ROWS, *STRICT) == "4"


SANITIZED = ("-O1", "-fsanitize=undefined,float-cast-overflow,address", "-fno-sanitize-recover=all")


@pytest.mark.slow
@pytest.mark.parametrize(("int8", "compiler"), [*product([False, True], ["gcc", "clang"])])
def test_sanitizers_are_silent_over_a_self_test_of_numbers(int8, compiler, tmp_path):
    path = header(tmp_path, "numbers stacked_layers-3 skip", int8)
    assert "deviations" in run(tmp_path, path.read_text(), *SANITIZED, "-D", "net_TEST", compiler=compiler)


@pytest.mark.slow
@pytest.mark.parametrize(("int8", "compiler"), [*product([False, True], ["gcc", "clang"])])
def test_sanitizers_are_silent_over_20000_symbols(int8, compiler, tmp_path):
    header(tmp_path, "stacked_cells-3", int8)
    source = """
#include <stdio.h>
#include "net.h"
int main(void)
{
    static struct net_state state;
    float logits[net_OUTPUTS];
    unsigned long seed = 7;
    int k, symbol = 0;
    net_reset(&state);
    for (k = 0; k < 20000; k++) {
        net_step(&state, symbol, logits);
        symbol = net_sample(logits, 1.0, net_random(&seed));
    }
    printf("%d", symbol >= 0);
    return 0;
}
"""
    assert run(tmp_path, source, *SANITIZED, compiler=compiler) == "1"


def test_int8_is_the_rounded_model_and_a_quarter_of_the_bytes(tmp_path):
    """The header's numbers are those of the rounded weights in NumPy, which no other code computes."""
    for name in ("stacked_cells-2", "features", "numbers stacked_cells-2 skip"):
        blueprint = drawn(name)
        C.int8.write(drawn(name, 0.3), Notes(None, ""), tmp_path / f"{name}.h")
        runner = C.open(tmp_path / f"{name}.h", signature_of(blueprint))
        expected = NumpyRunner(with_int8(drawn(name, 0.3)))
        draws = np.random.default_rng(1)
        x = draws.integers(0, V, (2, 60)) if name == "stacked_cells-2" else draws.normal(size=(2, 60, D))
        for ours, theirs in zip(
            runner(x, runner.signature.zero_states(2)), expected(x, runner.signature.zero_states(2)), strict=True
        ):
            for found, wanted in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4)
    large = drawn("128", 0.1, 96)
    cost, small = (Header(large, int8).cost() for int8 in (False, True))
    assert small.flash < 0.3 * cost.flash
    assert (cost.ram, cost.products) == (2 * 4 * 128, 128 * 4 * 128 + 128 * 96)


def test_echo_is_right_at_every_step_in_int8(tmp_path):
    trained = open_run("zoo:echo_4")
    C.int8.write(trained.blueprint(), Notes(None, ""), tmp_path / "echo.h")
    runner = C.open(tmp_path / "echo.h", signature_of(trained.blueprint()))
    bits = np.random.default_rng(0).integers(0, 2, (1, 5000))
    logits, _ = runner(bits, runner.signature.zero_states(1))
    np.testing.assert_array_equal(logits[0, 3:].argmax(-1), bits[0, :-3])


@pytest.mark.slow
def test_a_text_model_writes_and_scores_the_same(tmp_path):
    texts = {
        lstmzoo.sample_text("zoo:char_python", prompt="def ", length=200, seed=2, runtime=runtime)
        for runtime in ("numpy", "c")
    }
    assert len(texts) == 1
    trained, text = open_run("zoo:char_python"), Path(c_check.__file__).read_text()[:2000]
    found, wanted = (
        lstmzoo.score_text("zoo:char_python", text, runtime=runtime)["carried"]["nats"] for runtime in ("c", "numpy")
    )
    assert found == pytest.approx(wanted, rel=1e-5)
    C.int8.write(trained.blueprint(), Notes(trained.symbols, ""), tmp_path / "char.h")
    ids = trained.vocabulary.encode_text(text, "text")[None]
    runner = C.open(tmp_path / "char.h", signature_of(trained.blueprint()))
    logits = runner(ids, runner.signature.zero_states(1))[0][0, :-1].astype(float)
    shares = (
        logits
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - logits.max(-1, keepdims=True)
    )
    assert -np.take_along_axis(shares, ids[0, 1:, None].astype(int), 1).mean() == pytest.approx(wanted, rel=0.005)


@pytest.mark.slow
def test_the_command_says_what_it_costs_and_what_the_name_became(tmp_path):
    out = tmp_path / "my-echo.h"
    line = [sys.executable, "-m", "lstmzoo.export", "zoo:echo_4", out, "--weights", "int8"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(f"{re.escape(str(out))}: c, \\d+ kB", lines[0])
    assert (
        lines[2]
        == "calls: my_echo_reset, my_echo_step, my_echo_save, my_echo_load, my_echo_sample ('my-echo' is no name in C)"
    )
    assert lines[3] == "costs: 512 bytes of flash, 32 of RAM a stream, 168 of stack and 192 multiply-adds a step"
    assert lines[4].endswith("of the live model's, with weights rounded to int8")
    assert re.search(r"^struct my_echo_state \{$", out.read_text(), re.MULTILINE)
    assert "## How to call it" in out.read_text()


@pytest.mark.parametrize(
    "stem, name",
    [
        ("net", "net"),
        ("my-net 2", "my_net_2"),
        ("2x128", "model_2x128"),
        ("\xe9", "model__"),
        ("char", "char"),
        ("_a", "model__a"),
    ],
)
def test_names_of_files_become_names_of_c(stem, name):
    assert identifier(stem) == name


def test_what_became_of_a_name_is_said(tmp_path):
    blueprint = drawn("single")
    for stem, said in (("net", ""), ("my-net", " ('my-net' is no name in C)")):
        calls, _ = C.describe(blueprint, Notes(None, ""), tmp_path / f"{stem}.h", False)
        name = stem.replace("-", "_")
        assert calls == f"calls: {', '.join(f'{name}_{call}' for call in CALLS)}{said}"


@pytest.mark.parametrize("stem", few(["int", "2x128", "_a-b \xe9", "NAME_"], ["int"]))
def test_a_header_of_an_odd_name_compiles(stem, tmp_path):
    path = header(tmp_path, stem=stem)
    assert run(tmp_path, path.read_text(), *STRICT, "-D", f"{identifier(stem)}_TEST")


def test_a_model_too_large_for_the_header_is_refused_by_name(tmp_path):
    """Its weights are one number, looked at as often as they have: no memory is taken."""
    fits, large = (of_one_number(units) for units in (1440, 1450))
    require_small("c", fits)
    message = (
        r"^weights: expected at most 33.6 MB of float32 with c, received 33.9 MB: "
        r"choose another format \(keras, savedmodel, tflite, onnx\) or runtime$"
    )
    with pytest.raises(InputError, match=message):
        write_export(Source(large, None, "large", "zeros"), tmp_path / "m.h", "c")
    with pytest.raises(InputError, match=message):
        open_runner(SimpleNamespace(blueprint=lambda: large), "c")
    assert not list(tmp_path.iterdir())


def of_one_number(units):
    spec, sizes = spec_of({"units": units}), Sizes(V)
    shapes = weight_shapes(spec, "one_hot", sizes)
    return from_list(spec, "one_hot", sizes, [np.broadcast_to(np.float32(0), shape) for shape in shapes])


def test_what_cannot_be_is_refused(tmp_path, monkeypatch):
    for options, message in (
        (
            {"path": tmp_path / "m.onnx", "weights": "int8"},
            r"weights: expected float32 with onnx, received 'int8' \(int8: c\)",
        ),
        (
            {"path": tmp_path / "m.h", "weights": "int4"},
            "weights: expected float32 or int8 with c, received 'int4'; did you mean int8",
        ),
    ):
        with pytest.raises(InputError, match=message):
            lstmzoo.export_model("zoo:echo_4", **options)
    with pytest.raises(
        InputError, match=r"expected int8 to change no logit by more than 1.0 .* received .*take --weights float32"
    ):
        C.int8.write(drawn("stacked_cells-3", 3), Notes(None, ""), tmp_path / "m.h")
    with pytest.raises(
        InputError, match=r"expected int8 to change the outputs by 0.05 deviations .* received .*float32"
    ):
        C.int8.write(drawn("numbers stacked_cells-3", 3), Notes(None, ""), tmp_path / "m.h")
    (tmp_path / "old.h").write_text("precious")
    with pytest.raises(InputError, match=r"old.h': expected a path that does not exist yet, received one that exists"):
        lstmzoo.export_model("zoo:echo_4", tmp_path / "old.h")
    assert (tmp_path / "old.h").read_text() == "precious"
    (tmp_path / "old.h").unlink()
    trained = open_run("zoo:echo_4")
    damaged = trained._replace(weights=[*trained.weights[:-1], trained.weights[-1] * np.inf])
    with pytest.raises(InputError, match="head bias: expected finite numbers, received NaN or infinity"):
        write_export(source_of_run(damaged), tmp_path / "m.h", "c")
    monkeypatch.setenv("PATH", str(tmp_path))
    message = r"c: expected a C compiler on the PATH \(cc, gcc, clang\), received none: install one"
    with pytest.raises(InputError, match=message):
        lstmzoo.export_model("zoo:echo_4", tmp_path / "m.h")
    with pytest.raises(InputError, match=message):
        lstmzoo.sample_text("zoo:char_python", runtime="c")
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_fails_is_one_message(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))
    path = header(tmp_path)
    path.write_text(path.read_text().replace("net_tanh(float x)", "net_tanh(float x, y)", 1))
    with pytest.raises(EnvironmentFailure, match=r"net.h: expected .*cc to compile it, received: .*error"):
        C.open(path, signature_of(drawn("single")))


def test_a_library_is_compiled_once_and_again_where_it_was_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMZOO_CACHE", str(tmp_path / "cache"))
    path, signature = header(tmp_path), signature_of(drawn("single"))
    made = []
    make = c_runner._make
    monkeypatch.setattr(c_runner, "_make", lambda *given: made.append(1) or make(*given))
    C.open(path, signature)
    C.open(path, signature)
    assert len(made) == 1
    (library,) = (tmp_path / "cache" / "compiled").glob("*/model.so")
    copied = library.read_bytes()
    library.unlink()
    library.write_bytes(copied[:-1] + b"x")
    C.open(path, signature)
    assert len(made) == 2


def test_the_digest_is_that_of_the_weights(tmp_path):
    content, digest = header(tmp_path).read_text(), digest_of(drawn("single", 0.4).weights)
    assert f"'L', 'S', 'T', 1,\n    {', '.join(map(str, digest))}\n" in content
