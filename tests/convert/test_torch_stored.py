"""Weights that PyTorch stores in parts, layers in blocks, and what computes nothing at inference."""

import importlib

import numpy as np
import pytest

import lstmzoo
from lstmzoo.convert.torch_names import shapes_of, sort_tensors
from lstmzoo.convert.torch_stored import used_tensors
from lstmzoo.errors import InputError
from tests.convert.test_torch_and_tf1 import dense, lstm, without, zeros
from tests.helpers.rows import few

G = np.random.default_rng(0)
W, B, M = G.normal(size=(8, 2)).astype("f4"), G.normal(size=8).astype("f4"), np.float32(G.random((8, 2)) < 0.5)
ROWS, COLUMNS, ALL = ((W**2).sum(axis, keepdims=True) ** 0.5 for axis in (1, 0, (0, 1)))
NAME = "rnn.weight_hh_l0"
PLAIN = without(lstm("rnn."), NAME)
FASTAI = {
    "0.encoder.weight": zeros(5, 3),
    "0.encoder_dp.emb.weight": zeros(5, 3),
    "0.rnns.0.weight_hh_l0_raw": W,
    "1.decoder.weight": zeros(5, 2),
    "1.decoder.bias": zeros(5),
} | lstm("0.rnns.0.module.")


@pytest.mark.parametrize(
    ("tensors", "name", "wanted"),
    [
        ({f"{NAME}_g": 2 * ROWS, f"{NAME}_v": W}, NAME, 2 * W),
        ({f"{NAME}_g": ROWS + 1, f"{NAME}_v": 5 * W}, NAME, W * (1 + 1 / ROWS)),
        ({f"{NAME}_g": COLUMNS * 3, f"{NAME}_v": W}, NAME, 3 * W),
        ({f"{NAME}_g": ALL.reshape(()) / 2, f"{NAME}_v": W}, NAME, W / 2),
        ({"rnn.bias_hh_l0_g": abs(B) * 2, "rnn.bias_hh_l0_v": B, NAME: W}, "rnn.bias_hh_l0", 2 * B),
        ({"rnn.parametrizations.weight_hh_l0.original0": ROWS, "rnn.parametrizations.weight_hh_l0.original1": W}, NAME, W),
        ({f"{NAME}_orig": W, f"{NAME}_mask": M}, NAME, W * M),
        ({f"{NAME}_raw": W}, NAME, W),
        ({NAME: W, "linear.weight_g": ROWS, "linear.weight_v": W, "linear.bias": B}, "linear.weight", W),
        ({NAME: W, "linear.weight_orig": W, "linear.weight_mask": M, "linear.bias": B}, "linear.weight", W * M),
        ({NAME: W, "linear.parametrizations.weight.original0": ROWS, "linear.parametrizations.weight.original1": W}, "linear.weight", W),
        (FASTAI | without(PLAIN, *PLAIN), "0.rnns.0.module.weight_hh_l0", W),
    ],
)  # fmt: skip
def test_weights_in_parts_are_computed(tensors, name, wanted):
    left_out = []
    found = used_tensors(tensors if name.startswith("0.") else PLAIN | tensors, left_out)
    np.testing.assert_allclose(found[name], wanted, rtol=1e-6, atol=1e-7)
    assert not left_out
    assert not any(part in each for each in found for part in ("_g", "_v", "_orig", "_raw", "_dp", "parametrizations"))
    sort_tensors(shapes_of(found))


def test_a_model_of_fastai_is_read():
    embedding, kernel, recurrent, *_ = lstmzoo.from_torch(FASTAI).get_weights()
    np.testing.assert_array_equal(recurrent, W.T)
    assert (embedding.shape, kernel.shape) == ((5, 3), (3, 8))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"rnn.parametrizations.weight_hh_l0.original": W}, r"expected rnn.weight_hh_l0 itself, .* call torch.nn.utils.parametrize.remove_parametrizations\(module, 'weight_hh_l0'\) with the module 'rnn'"),
        ({"rnn.parametrizations.weight_hh_l0.original": W, "rnn.parametrizations.weight_hh_l0.0._u": B}, "remove_parametrizations"),
        ({f"{NAME}_orig": W, f"{NAME}_u": B, f"{NAME}_v": B[:2]}, r"torch.nn.utils.remove_spectral_norm\(module, 'weight_hh_l0'\)"),
        ({f"{NAME}_orig": W}, r"torch.nn.utils.prune.remove\(module, 'weight_hh_l0'\)"),
        ({f"{NAME}_orig": W, f"{NAME}_mask": M[:3]}, "prune.remove"),
        ({f"{NAME}_g": ROWS}, r"torch.nn.utils.remove_weight_norm\(module, 'weight_hh_l0'\)"),
        ({f"{NAME}_g": ROWS[:3], f"{NAME}_v": W}, r"weight_hh_l0_g: expected norms of an array \[8, 2\], received \[3, 1\]"),
        ({f"{NAME}_g": ROWS, f"{NAME}_v": 0 * W}, "rnn.weight_hh_l0: expected finite numbers of float32"),
    ],
)  # fmt: skip
def test_parts_that_are_not_plain_name_the_way(tensors, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_torch(PLAIN | tensors)


LOSSES = ["criterion.weight", "loss.weight", "ce_loss.pos_weight", "model.loss_fn.weight"]
SERIES = {
    "blocks.0.lstm.": ("blocks.0.lstm.", "blocks.1.lstm."),
    "layers.0.cell.": ("layers.0.cell.", "layers.1.cell."),
    "rnns.0.module.": ("rnns.0.module.", "rnns.1.module."),
    "ten": ("blocks.9.lstm.", "blocks.10.lstm."),
    "in a model with a number": ("net2.blocks.1.lstm.", "net2.blocks.2.lstm."),
    "in the name": ("encoder.lstm_1.cell.", "encoder.lstm_2.cell."),
}


@pytest.mark.parametrize("name", SERIES)
def test_the_number_of_a_layer_may_stand_anywhere(name):
    first, second = SERIES[name]
    names = sort_tensors(shapes_of(lstm(second, size=2) | lstm(first)))
    assert [layer["weight_ih"] for layer in names.layers] == [f"{first}weight_ih_l0", f"{second}weight_ih_l0"]


@pytest.mark.parametrize(
    "prefixes",
    [
        ("blocks.0.a.", "blocks.1.b."),
        ("a.0.b.0.", "a.1.b.1."),
        ("blocks.0.", "blocks.2."),
        ("a1.lstm.", "a01.lstm."),
        ("a.", "a.0."),
    ],
)
def test_modules_that_are_no_series_are_refused(prefixes):
    with pytest.raises(InputError, match="numbered without a gap, received '.*': give the tensors of one stack"):
        sort_tensors(shapes_of({name: value for prefix in prefixes for name, value in lstm(prefix).items()}))


@pytest.mark.parametrize("name", few(LOSSES, LOSSES[:1]))
def test_buffers_of_a_loss_are_left_out_with_a_line(name):
    with pytest.warns(UserWarning, match=f"left out, since it acts in training only: {name}"):
        lstmzoo.from_torch(lstm() | dense() | {name: zeros(5)})


def nets(torch):
    """Live modules and what their warning says, by what is done to them."""
    nn, utils = torch.nn, torch.nn.utils

    class Net(nn.Module):
        def __init__(self, **others):
            super().__init__()
            self.emb, self.rnn, self.out = nn.Embedding(5, 3), nn.LSTM(3, 4, 2, batch_first=True), nn.Linear(4, 5)
            for name, module in others.items():
                setattr(self, name, module)

        def forward(self, x):
            return self.out(self.rnn(self.emb(x))[0])

    made = {name: Net() for name in ("weight_norm", "columns", "all", "parametrized", "pruned", "linear", "bias")}
    utils.weight_norm(made["weight_norm"].rnn, "weight_hh_l0")
    utils.weight_norm(made["columns"].rnn, "weight_ih_l1", dim=1)
    utils.weight_norm(made["all"].emb, "weight", dim=None)
    utils.parametrizations.weight_norm(made["parametrized"].rnn, "weight_hh_l1")
    utils.parametrizations.weight_norm(made["linear"].out, "weight")
    utils.weight_norm(made["bias"].rnn, "bias_ih_l0")
    importlib.import_module("torch.nn.utils.prune").l1_unstructured(made["pruned"].rnn, "weight_hh_l0", 0.5)
    told = {
        "Dropout 'drop', CrossEntropyLoss 'criterion'": Net(drop=nn.Dropout(0.1), criterion=nn.CrossEntropyLoss(torch.ones(5))),
        "the same without it: LogSoftmax 'end'": Net(end=nn.LogSoftmax(-1)),
        "AlphaDropout 'drop'": Net(drop=nn.AlphaDropout(0.1)),
    }  # fmt: skip
    return {None: made, "told": told}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated")
def test_torch_itself_agrees():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    x = torch.randint(0, 5, (1, 4))
    found = nets(torch)
    for net in found[None].values():
        for source in (net, net.state_dict()):
            np.testing.assert_allclose(lstmzoo.from_torch(source)(x.numpy()), net(x).detach().numpy(), atol=1e-5)
    for told, net in found["told"].items():
        with pytest.warns(UserWarning, match=f"left out, since .*{told}"):
            model = lstmzoo.from_torch(net.eval())
        np.testing.assert_allclose(model(x.numpy()), net(x).detach().numpy(), atol=1e-5)


def test_parametrizations_of_another_kind_name_the_way_that_converts():
    torch = pytest.importorskip("torch")
    net = torch.nn.LSTM(3, 4)
    torch.nn.utils.parametrizations.orthogonal(net, "weight_hh_l0")
    for source in (net, net.state_dict()):
        with pytest.raises(InputError, match=r"parametrize.remove_parametrizations\(module, 'weight_hh_l0'\)"):
            lstmzoo.from_torch(source)
    wanted = net.weight_hh_l0.detach().numpy().T
    torch.nn.utils.parametrize.remove_parametrizations(net, "weight_hh_l0")
    np.testing.assert_allclose(lstmzoo.from_torch(net).get_weights()[1], wanted, atol=1e-6)


@pytest.mark.parametrize("place", ["rnn", "out", "emb", "blocks"])
@pytest.mark.parametrize("kind", ["two originals", "_WeightNorm of the user's", "after weight_norm"])
def test_parametrizations_of_the_users_own_are_refused(place, kind):
    torch = pytest.importorskip("torch")
    nn, utils = torch.nn, torch.nn.utils

    class Two(nn.Module):
        def forward(self, one, other=2.0):
            return one * other

        def right_inverse(self, weight):
            return weight, torch.ones_like(weight)[:, :1] * 2

    parts = {"emb": nn.Embedding(5, 3), "rnn": nn.LSTM(3, 4), "blocks": nn.ModuleList([nn.LSTM(4, 4)]), "out": nn.Linear(4, 5)}  # fmt: skip
    module = parts["blocks"][0] if place == "blocks" else parts[place]
    weight = "weight_ih_l0" if place in ("rnn", "blocks") else "weight"
    if kind == "after weight_norm":
        utils.parametrizations.weight_norm(module, weight)
        del Two.right_inverse
    elif kind != "two originals":
        Two.__name__ = "_WeightNorm"
    utils.parametrize.register_parametrization(module, weight, Two())
    name = "blocks.0" if place == "blocks" else place
    message = rf"module '{name}.parametrizations.{weight}': expected weight_norm .* received '{Two.__name__}': call .*remove_parametrizations\(module, '{weight}'\) with the module '{name}'"
    with pytest.raises(InputError, match=message):
        lstmzoo.from_torch(nn.ModuleDict(parts))


def test_endings_of_files_of_torch_save(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = torch.nn.LSTM(3, 2).state_dict()
    for name, content in {"pytorch_model.bin": tensors, "last.ckpt": {"state_dict": tensors, "epoch": 3}}.items():
        torch.save(content, tmp_path / name)
        np.testing.assert_array_equal(lstmzoo.from_torch(tmp_path / name).get_weights()[0].T, tensors["weight_ih_l0"])
