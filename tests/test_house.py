"""The house itself: imports point one way, TensorFlow stays where it computes, nothing dangerous is called."""

import ast
import functools
from pathlib import Path

import pytest

import lstmzoo

PACKAGE = Path(lstmzoo.__file__).parent
ORDER = (
    "errors lazy nearest terminal section strict_yaml files metrics curve environment machine choice data vocabulary corpora text contract plugins echo char tasks problems architecture zoo pretrained catalogue optimizers packaged sources experiment plan config settings "
    "standing agenda checkpoint rundir start resume blueprint signature trained summary comparison signals progress tables figures plots overlay sweeps.trials sweeps.measured sweeps.cells sweeps.space sweeps.spec sweeps.budget sweeps.search sweeps.hyperband sweeps.sizing sweeps.feasible sweeps.file sweeps.directory sweeps.scales sweeps.findings sweeps.maps sweeps.plots sweeps.hparams sweeps.leaderboard drawing losses numpy_runner formats.extras formats.notes formats.keras formats.savedmodel formats.tflite formats.onnx formats.table formats.target formats.example formats.card formats.trial runtimes exporting anatomy state callbacks datasets model rebuild convert.arrays convert.hdf5 convert.keras_own convert.keras_files convert.keras_chain convert.keras_layers convert.keras_models convert.tensor_files convert.torch_names convert.torch_modules convert.pytorch convert.tf1_names convert.tf1 kernels dropout network programs execution sampler scorer formats.stream validation snapshot record "
    "train job writing scoring startup sweeps.trial sweeps.kept sweeps.oracles sweeps.worker sweeps.chief sweeps.service sweeps.lead sweeps.warm sweeps.processes sweeps.attempts sweeps.watch sweeps.crew sweeps.searching checks installed surroundings selftest run sweep sample score export report doctor cli __main__ "
).split()
COMPUTES = set(
    "anatomy state callbacks datasets model rebuild kernels network programs execution sampler scorer formats.stream validation snapshot record train sweeps.kept sweeps.oracles sweeps.worker sweeps.chief sweeps.service sweeps.lead sweeps.warm".split()
)
FORBIDDEN = ("eval(", "exec(", "pickle", "yaml.load(", "unsafe_load", "allow_pickle=True", "shell=True", "os.system")


@functools.cache
def modules():
    """By name within the package, such as `zoo` and `sweeps.space`."""
    return {name_of(path): ast.parse(path.read_text()) for path in files() if path.stem != "__init__"}


def files():
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def source(name):
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py").read_text()


def of_ours(found):
    """Names of those modules that are the package's."""
    return [module.removeprefix("lstmzoo.") for module in found if module.startswith("lstmzoo.")]


def imported(tree):
    """(module, at the top level) of every import."""
    found = []
    for node in ast.walk(tree):
        names = [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in getattr(node, "names", [])]
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found += [(name, node in tree.body) for name in names if name]
    return found


def test_every_module_has_its_place():
    assert sorted(ORDER) == sorted(modules())


@pytest.mark.parametrize("name", ORDER)
def test_imports_point_up_the_list(name):
    used = of_ours(module for module, top in imported(modules()[name]) if top)
    assert [other for other in used if ORDER.index(other) >= ORDER.index(name)] == []


@pytest.mark.parametrize("name", [name for name in ORDER if name not in COMPUTES])
def test_what_does_not_compute_imports_no_tensorflow(name):
    top = [module for module, top in imported(modules()[name]) if top]
    assert not {module.split(".")[0] for module in top} & {"tensorflow", "tf_keras", "keras", "keras_tuner"}
    assert not set(of_ours(top)) & COMPUTES


def test_only_keras_2_is_used():
    for name, tree in modules().items():
        assert not {m for m, _ in imported(tree) if m == "keras" or m.startswith(("keras.", "tensorflow.keras"))}, name
        assert "tf.keras" not in source(name), name


def test_only_state_touches_the_states_of_layers():
    for name in modules():
        assert (".states" in source(name).replace("self.states", "")) == (name in ("state", "validation")), name


def test_nothing_dangerous_is_called():
    for path in files():
        assert [word for word in FORBIDDEN if word in path.read_text()] == [], name_of(path)


def test_public_names_exist_and_are_documented():
    for name in lstmzoo.__all__:
        assert getattr(lstmzoo, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        lstmzoo.nothing  # noqa: B018
    assert set(lstmzoo.__all__) <= set(dir(lstmzoo))
