"""The house itself: packages in the order of the flow, no circle, TensorFlow where it computes, nothing dangerous."""

import ast
import functools
from pathlib import Path

import pytest

import lstmzoo

PACKAGE = Path(lstmzoo.__file__).parent
ORDER = "errors system schema data models tasks execution convert zoo config runs export report inference inspect training sweep doctor".split()
COMMANDS = set("run sample score predict inspect export sweep report zoo doctor".split())
FILES = {"__init__.py", "__main__.py", "py.typed", "errors.py"}
COMPUTES = set(
    "data.keras_dataset models.anatomy models.layer_checks models.state models.build models.rebuild models.callbacks tasks.losses_tf execution.products execution.kernels execution.network execution.programs execution.replicas execution.shards execution.slots execution.arrays execution.engine execution.native export.formats.tf_stream inference.adapting inference.draw_tf inference.losses_tf inference.runner_tf "
    "training.validation training.average training.samples training.snapshot training.recorder training.checkpointer training.loop training.hosts.team sweep.scheduler.oracle sweep.scheduler.oracles sweep.scheduler.worker sweep.scheduler.chief sweep.scheduler.server sweep.scheduler.preload".split()
)  # fmt: skip
FORBIDDEN = ("eval(", "exec(", "pickle", "yaml.load(", "unsafe_load", "allow_pickle=True", "shell=True", "os.system")


@functools.cache
def modules():
    """Syntax trees by name within the package, such as `errors` and `sweep.space.load`."""
    return {name_of(path): ast.parse(path.read_text()) for path in files()}


def files():
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def source(name):
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py").read_text()


def imported(tree):
    """(module, at the top level) of every import; `from package import module` counts as the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in tree.body) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node in tree.body
            yield from ((f"{node.module}.{alias.name}", node in tree.body) for alias in node.names)


def used(name, anywhere=True):
    """Modules of ours that one imports: at its top level, or also within its functions."""
    found = {module.removeprefix("lstmzoo.") for module, top in imported(modules()[name]) if top or anywhere}
    return sorted(found & modules().keys() - {name})


ROOMS = sorted(name for name in modules() if name.split(".")[0] in ORDER)


def test_the_first_floor_has_few_doors():
    entries = {path.name for path in PACKAGE.iterdir() if path.name != "__pycache__"}
    assert len(entries) <= 26
    assert len({entry for entry in entries if entry.removesuffix(".py") not in COMMANDS}) <= 16
    packages = {entry for entry in entries - FILES if (PACKAGE / entry).is_dir()}
    assert packages - {"configs"} == set(ORDER) - {"errors"}
    assert {entry.removesuffix(".py") for entry in entries - FILES - packages} <= COMMANDS


@pytest.mark.parametrize("name", ROOMS)
def test_no_import_points_up(name):
    floor = ORDER.index(name.split(".")[0])
    above = [other for other in used(name) if other.split(".")[0] not in ORDER[: floor + 1]]
    assert above == []


def test_nothing_imports_the_public_names_or_a_command():
    for name in modules():
        assert "lstmzoo" not in {module for module, _ in imported(modules()[name])}, name
        assert not {"__init__", "__main__", "run", "sample", "score", "predict"} & set(used(name)), name


@pytest.mark.parametrize("package", sorted({name.rpartition(".")[0] for name in ROOMS}))
def test_no_circle(package):
    """Neither between files nor between packages that stand beside one another."""
    inside = package.split(".") if package else []

    def child(name):
        return name.split(".")[len(inside)] if name.split(".")[: len(inside)] == inside else None

    graph = {}
    for name in ROOMS:
        graph.setdefault(child(name), set()).update(child(other) for other in used(name))
    graph.pop(None, None)
    assert circle({key: others - {key, None} for key, others in graph.items()}) == []


def test_no_circle_of_files():
    assert circle({name: set(used(name)) for name in ROOMS}) == []


def circle(graph):
    """Keys that can be reached from themselves; what nobody needs and what needs nobody is taken away first."""
    while free := [key for key in graph if not graph[key] & graph.keys()]:
        for key in free:
            del graph[key]
    return sorted(graph)


def test_the_search_for_circles_finds_one():
    assert circle({1: {2}, 2: {3}, 3: {2}, 4: set()}) == [1, 2, 3]
    assert circle({1: {2}, 2: {3}, 3: set()}) == []


@pytest.mark.parametrize("name", [name for name in ROOMS if name not in COMPUTES])
def test_what_does_not_compute_imports_no_tensorflow(name):
    top = {module.split(".")[0] for module, top in imported(modules()[name]) if top}
    assert not top & {"tensorflow", "tf_keras", "keras", "keras_tuner"}
    assert not set(used(name, anywhere=False)) & COMPUTES


def test_what_computes_is_there():
    assert modules().keys() >= COMPUTES


def test_a_package_says_what_lives_there_and_imports_nothing():
    for path in PACKAGE.rglob("__init__.py"):
        if path.parent != PACKAGE:
            (docstring,) = ast.parse(path.read_text()).body
            said = docstring.value.value
            rooms = [each.stem for each in path.parent.iterdir() if each.suffix == ".py" and each.stem[0] != "_"]
            rooms += [f"{each.name}/" for each in path.parent.iterdir() if (each / "__init__.py").exists()]
            unsaid = [room for room in rooms if f"`{room}`" not in said and path.parent.name != "formats"]
            assert unsaid == [], path


def test_the_ground_floor_knows_no_numpy():
    for name in ROOMS:
        if name.split(".")[0] in ("errors", "system", "schema"):
            assert "numpy" not in {module for module, _ in imported(modules()[name])}, name


def test_only_keras_2_is_used():
    for name, tree in modules().items():
        assert not {m for m, _ in imported(tree) if m == "keras" or m.startswith(("keras.", "tensorflow.keras"))}, name
        assert "tf.keras" not in source(name), name


def test_only_state_touches_the_states_of_layers():
    for name in modules():
        touches = ".states" in source(name).replace("self.states", "").replace("models.state", "")
        assert touches == (name in ("models.state", "training.validation")), name


def test_nothing_dangerous_is_called():
    for path in files():
        text = path.read_text().replace("pickletools", "")  # it lists what a file would make, and makes nothing
        assert [word for word in FORBIDDEN if word in text] == [], name_of(path)


def test_public_names_exist_and_are_documented():
    for name in lstmzoo.__all__:
        assert getattr(lstmzoo, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        lstmzoo.nothing  # noqa: B018
    assert set(lstmzoo.__all__) <= set(dir(lstmzoo))


def test_public_names_are_the_same_for_type_checkers():
    block, _ = (node for node in modules()["__init__"].body if isinstance(node, ast.If))
    typed = {(node.module, alias.asname) for node in block.body for alias in node.names}
    assert typed == {(f"lstmzoo.{room}", name) for name, room in lstmzoo._ROOM_OF.items()}
