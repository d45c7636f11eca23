"""Numbers that are not finite: refused by name on every way in and out, and in no JSON of ours."""

import ast
import json

import numpy as np
import pytest
import tf_keras as keras

import lstmzoo
from lstmzoo.errors import InputError
from lstmzoo.inference.choice import Choice
from lstmzoo.inference.draw import RunnerSampler, choose
from lstmzoo.inference.draw_tf import GraphSampler, choose as choose_in_graph
from lstmzoo.inference.numpy_runner import NumpyRunner
from lstmzoo.inference.scoring import score_ids
from lstmzoo.models.rebuild import blueprint_of
from lstmzoo.runs.trained import Trained, open_run
from tests.helpers.places import ROOT
from tests.helpers.rows import few

CHAR = open_run("zoo:char_python")
ARRAYS = ["layer 0 kernel", "layer 0 recurrent_kernel", "layer 0 bias", "head kernel", "head bias"]


def damaged(number, value):
    """The trained model of the package with one number of one array replaced."""
    weights = [array.copy() for array in CHAR.weights]
    weights[number].flat[-1] = value
    return CHAR._replace(weights=weights)


def too_large():
    """Finite weights whose logits are not."""
    return CHAR._replace(weights=[*CHAR.weights[:-2], np.full_like(CHAR.weights[-2], 3e38), CHAR.weights[-1]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("number", [0, 2, -1])
def test_weights_that_are_not_finite_are_refused_by_name(number, value):
    name = list(CHAR.blueprint().weights.named())[number]
    for use in (Trained.blueprint, lambda run: run.model(1), lambda run: score_ids(run, np.arange(5), 4, "numpy")):
        with pytest.raises(InputError, match=f"^{name}: expected finite numbers, received NaN or infinity"):
            use(damaged(number, value))


@pytest.mark.parametrize("number", range(5))
def test_live_models_too(number, tmp_path):
    model = lstmzoo.build_model({"units": 3}, vocab_size=4, encoding="one_hot", batch_size=1)
    model.set_weights([np.where(k == number, np.nan, part) for k, part in enumerate(model.get_weights())])
    for use in (
        lambda: lstmzoo.export_model(model, tmp_path / "m.onnx"),
        lambda: lstmzoo.to_torch(model, tmp_path / "m.safetensors"),
        lambda: blueprint_of(model),
    ):
        with pytest.raises(InputError, match=f"^{ARRAYS[number]}: expected finite numbers, received NaN or infinity"):
            use()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_logits_that_are_not_finite_draw_no_symbol(temperature):
    logits, uniform = np.zeros((4, 5), np.float32), np.full(4, 0.5)
    logits[0, 1], logits[1, 2], logits[2, 3] = np.nan, np.inf, -np.inf
    choice = Choice(temperature=temperature)
    assert list(choose(logits, uniform, choice)[:3]) == [-1, -1, -1]
    np.testing.assert_array_equal(choose_in_graph(logits, uniform, choice), choose(logits, uniform, choice))
    run = too_large()
    for sampler in (RunnerSampler(NumpyRunner(run.blueprint()), choice), GraphSampler(run.model(1), choice)):
        with pytest.raises(InputError, match="^model: expected finite logits, received NaN or infinity"):
            list(sampler.draw(5, [0], np.array([3])))


@pytest.mark.parametrize("runtime", few(["numpy", "tensorflow"], ["numpy"]))
def test_losses_that_are_not_finite_are_no_score(runtime):
    with pytest.raises(InputError, match=r"^model: expected finite losses, received (nan|inf) at target 1"):
        score_ids(too_large(), np.arange(6), 4, runtime)


def test_no_json_of_ours_may_hold_nan():
    """Each call says so, and then Python raises in place of writing what is no JSON; a message may show what it got."""
    calls = [
        (path.name, node)
        for path in (ROOT / "lstmzoo").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.dump", "json.dumps")
    ]
    assert len(calls) > 10
    assert [name for name, call in calls if "allow_nan=False" not in ast.unparse(call)] == ["errors.py"]
    with pytest.raises(ValueError):
        json.dumps(np.nan, allow_nan=False)


def test_keras_agrees_that_nothing_finite_is_refused():
    """A model of large, finite numbers whose logits are finite is drawn from as before."""
    model = lstmzoo.build_model({"units": 3}, vocab_size=4, encoding="one_hot", batch_size=1)
    model.set_weights([100 * part for part in model.get_weights()])
    wanted = keras.Model.predict_on_batch(model, np.array([[1, 2]]))[0, -1].argmax()
    found = next(RunnerSampler(NumpyRunner(blueprint_of(model)), Choice(temperature=0)).draw(1, [0], np.array([1, 2])))
    assert found[0, 0] == wanted
