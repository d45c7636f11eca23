"""Weights there and back: each program's own equations, over 200 symbols with the state passed along, and greedy text.

Witnesses: TensorFlow 1's and PyTorch's cells in NumPy, from their documented equations; Keras 2 and Keras 3 themselves.
torch itself is one more where it is installed.
"""

import functools
import importlib
import json

import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
import tf_keras

import lstmzoo
from lstmzoo.convert.tf1_names import forget_bias_of, sort_variables
from lstmzoo.errors import InputError
from lstmzoo.models.blueprint import HeadWeights, LayerWeights, Weights
from lstmzoo.models.rebuild import blueprint_of
from tests.helpers.rows import few

V, H, B = 7, 6, 2
SHAPES = [(1, "single"), (2, "stacked_cells"), (2, "stacked_layers"), (3, "stacked_cells"), (3, "stacked_layers")]  # fmt: skip


LIVELY = {1: 3, 2: 5, 3: 0}  # by depth: seeds whose greedy text neither stands still nor has ties


@functools.cache
def weights(depth):
    generator = np.random.default_rng([LIVELY[depth], depth])

    def draw(*shape):
        return generator.normal(0, 1.2 if len(shape) > 1 else 0.3, shape).astype(np.float32)

    layers = [LayerWeights(draw(H if n else V, 4 * H), draw(H, 4 * H), draw(4 * H)) for n in range(depth)]
    return Weights(tuple(layers), HeadWeights(draw(H, V) * np.float32(0.3), draw(V) * np.float32(0.3)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Tf1:
    """BasicLSTMCell's call, TensorFlow 1.15: one product with [x, h], gates i, j, f, o, the forget bias added to f."""

    def __init__(self, cells, head, forget_bias=1.0):
        self.cells, self.head, self.forget_bias = cells, head, forget_bias
        self.states = [(0.0, np.zeros((B, len(bias) // 4))) for _, bias in cells]

    def __call__(self, x):
        return np.stack([self.step(np.eye(V)[x[:, t]]) for t in range(x.shape[1])], 1)

    def step(self, x):
        for index, (kernel, bias) in enumerate(self.cells):
            c, h = self.states[index]
            i, j, f, o = np.split(np.concatenate([x, h], 1).astype(np.float64) @ kernel + bias, 4, axis=1)
            c = c * sigmoid(f + self.forget_bias) + sigmoid(i) * np.tanh(j)
            h = np.tanh(c) * sigmoid(o)
            self.states[index], x = (c, h), h
        return x @ self.head[0] + self.head[1]


class Torch:
    """nn.LSTM's documentation: i, f, g, o from W_ii x + b_ii + W_hi h + b_hi and so on; then nn.Linear."""

    def __init__(self, tensors):
        self.tensors = {name: value.astype(np.float64) for name, value in tensors.items()}
        self.prefixes = [name.replace("weight_ih", "{}") for name in tensors if "weight_ih" in name]
        self.states = [(0.0, 0.0)] * len(self.prefixes)

    def __call__(self, x):
        return np.stack([self.step(np.eye(V)[x[:, t]]) for t in range(x.shape[1])], 1)

    def step(self, x):
        for index, name in enumerate(self.prefixes):
            (h, c), get = self.states[index], lambda part, name=name: self.tensors[name.format(part)]
            h = np.zeros((B, get("weight_hh").shape[1])) + h
            z = x @ get("weight_ih").T + get("bias_ih") + h @ get("weight_hh").T + get("bias_hh")
            i, f, g, o = np.split(z, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            self.states[index], x = (h, c), h
        return x @ self.tensors["linear.weight"].T + self.tensors["linear.bias"]


def tf1_arrays(found, forget_bias=1.0):
    """(kernel, bias) of each cell in TensorFlow 1's layout, written as literally as can be."""
    cells = []
    for layer in found.layers:
        gates = {}
        for place, gate in enumerate("ifjo"):  # Keras's order; j is the candidate
            part = slice(place * layer.units, (place + 1) * layer.units)
            rows = np.concatenate([layer.kernel[:, part], layer.recurrent_kernel[:, part]])
            gates[gate] = rows, layer.bias[part] - (forget_bias if gate == "f" else 0)
        cells.append(tuple(np.concatenate([gates[gate][n] for gate in "ijfo"], axis=-1) for n in (0, 1)))
    return cells


def torch_tensors(found):
    tensors = {}
    for index, layer in enumerate(found.layers):
        tensors |= {f"lstm.weight_ih_l{index}": layer.kernel.T, f"lstm.weight_hh_l{index}": layer.recurrent_kernel.T}
        tensors |= {f"lstm.bias_ih_l{index}": layer.bias * 0.75, f"lstm.bias_hh_l{index}": layer.bias * 0.25}
    return tensors | {"linear.weight": found.head.kernel.T, "linear.bias": found.head.bias}


def stateful_keras(library, found):
    layers = library.layers
    stack = [layers.LSTM(layer.units, return_sequences=True, stateful=True) for layer in found.layers]
    model = library.Sequential([library.Input(batch_shape=(B, None, V)), *stack, layers.Dense(V)])
    model.set_weights(found.in_order())
    return model


@functools.cache
def witness(source, depth):
    """(logits of symbols, state carried; from zero state again; our model of a kind)."""
    found = weights(depth)
    if source == "tf1":
        cells = tf1_arrays(found)
        run = Tf1(cells, found.head)
        return run, lambda: run.__init__(cells, found.head), lambda **o: lstmzoo.from_tf1(cells, found.head, encoding="one_hot", **o)  # fmt: skip
    if source == "torch":
        tensors = torch_tensors(found)
        run = Torch(tensors)
        return run, lambda: run.__init__(tensors), lambda **o: lstmzoo.from_torch(tensors, encoding="one_hot", **o)
    import keras

    model = stateful_keras({"keras2": tf_keras, "keras3": keras}[source], found)
    reset = lambda: [layer.reset_states() for layer in model.layers if hasattr(layer, "reset_states")]  # noqa: E731
    call = in_graph(model, features=True)
    return (
        lambda x: call(np.eye(V, dtype=np.float32)[x]).numpy(),
        reset,
        lambda **o: lstmzoo.from_keras(model, **o),
    )


def in_graph(model, features):
    """A model as one function of windows of any length, which Keras would step through in Python."""
    signature = tf.TensorSpec([B, None, V]) if features else tf.TensorSpec([B, None], tf.int32)
    return tf.function(model, input_signature=[signature])


def greedy(step, length, features):
    """argmax fed back, each lane from a symbol of its own."""
    symbols = [np.arange(B)]
    for _ in range(length):
        x = symbols[-1][:, None]
        logits = step(tf.constant(np.eye(V, dtype=np.float32)[x] if features else x.astype(np.int32)))
        symbols.append(np.argmax(logits[:, -1], axis=1))
    return np.stack(symbols, 1)


TABLE = [(source, *shape) for source in ("tf1", "torch", "keras2", "keras3") for shape in SHAPES]
DEEP = [(source, 3, kind) for source in ("tf1", "torch", "keras3") for kind in ("stacked_cells",)]


@pytest.mark.parametrize(
    ("source", "depth", "kind"),
    few(TABLE, [*DEEP, ("tf1", 1, "single"), ("torch", 2, "stacked_layers"), ("keras2", 2, "stacked_layers")]),
)
def test_two_hundred_symbols_and_greedy_text_are_the_same(source, depth, kind):
    run, reset, convert = witness(source, depth)
    model = convert(batch_size=B, kind=kind)
    assert blueprint_of(model).spec.kind == kind
    features = source.startswith("keras")
    symbols = np.random.default_rng(5).integers(0, V, (4, B, 50))
    reset()
    call = in_graph(model, features)
    for window in symbols:
        x = np.eye(V, dtype=np.float32)[window] if features else window.astype(np.int32)
        np.testing.assert_allclose(call(x), run(window), rtol=0, atol=1e-5)
    lstmzoo.reset_states(model)
    text = greedy(call, 200, features)
    assert len(np.unique(text[:, 100:])) > 2
    reset()  # each symbol is what the witness says after those before, so its own text is this one
    np.testing.assert_array_equal(np.argmax(run(text[:, :-1]), axis=2), text[:, 1:])


def test_a_torch_regression_is_a_model_of_numbers_and_back():
    """nn.LSTM and nn.Linear on numbers: their equations, step by step, with the state passed along."""
    tensors, x = torch_tensors(weights(2)), np.random.default_rng(6).normal(size=(B, 20, V)).astype(np.float32)
    tensors |= {"linear.weight": tensors["linear.weight"][:3], "linear.bias": tensors["linear.bias"][:3]}
    model, source = lstmzoo.from_torch(tensors, batch_size=B, numbers=True), Torch(tensors)
    assert (blueprint_of(model).outputs, blueprint_of(model).vocab_size) == (3, None)
    for window in (x[:, :7], x[:, 7:]):
        wanted = np.stack([source.step(window[:, t]) for t in range(window.shape[1])], 1)
        np.testing.assert_allclose(model(window), wanted, rtol=0, atol=1e-5)
    again = lstmzoo.from_torch(lstmzoo.to_torch(model), batch_size=B, numbers=True)
    for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match="numbers: expected a head and encoding 'features' .*, received none"):
        lstmzoo.from_torch({k: v for k, v in tensors.items() if "linear" not in k}, numbers=True)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_to_torch_and_back(tmp_path, depth):
    tensors = torch_tensors(weights(depth))
    model = lstmzoo.from_torch(tensors, encoding="one_hot", batch_size=B)
    found = lstmzoo.to_torch(model, tmp_path / "m.safetensors")
    assert list(found) == list(tensors)
    assert all(value.flags.c_contiguous and value.dtype == np.float32 for value in found.values())
    for name, value in found.items():
        if "bias_ih" in name:
            np.testing.assert_allclose(value, tensors[name] + tensors[name.replace("_ih", "_hh")], atol=1e-7)
        elif "bias_hh" in name:
            assert not value.any()
        else:
            np.testing.assert_array_equal(value, tensors[name])
    symbols = np.random.default_rng(5).integers(0, V, (B, 200))
    np.testing.assert_allclose(Torch(found)(symbols), Torch(tensors)(symbols), rtol=0, atol=1e-5)
    stored = safetensors.numpy.load_file(tmp_path / "m.safetensors")
    for name, value in found.items():
        np.testing.assert_array_equal(stored[name], value)
    for one, other in zip(
        lstmzoo.from_torch(tmp_path / "m.safetensors").get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_layers_of_different_units_are_a_list_of_lstms():
    spec = {"kind": "stacked_cells", "units": [4, 5]}
    model = lstmzoo.build_model(spec, vocab_size=V, encoding="embedding", embedding_dim=3, batch_size=1)
    found = lstmzoo.to_torch(model)
    assert [name for name in found if "weight_ih" in name] == ["lstms.0.weight_ih_l0", "lstms.1.weight_ih_l0"]
    assert found["embedding.weight"].shape == (V, 3)
    other = lstmzoo.from_torch(found)
    np.testing.assert_array_equal(other(np.arange(V)[None]), model(np.arange(V)[None]))


def test_torch_itself_agrees(tmp_path):
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(V, 5)
            self.lstm = nn.LSTM(5, H, num_layers=3, batch_first=True)
            self.linear = nn.Linear(H, V)

        def forward(self, x, state=None):
            hs, state = self.lstm(self.embedding(x), state)
            return self.linear(hs), state

    torch.manual_seed(0)
    net, again = Net(), Net()
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0, 0.9)
    torch.save(net.state_dict(), tmp_path / "m.pt")
    torch.save({"model_state_dict": net.state_dict(), "epoch": 3}, tmp_path / "m.pth")
    model = lstmzoo.from_torch(tmp_path / "m.pt", batch_size=B, kind="stacked_cells")
    again.load_state_dict({name: torch.from_numpy(value) for name, value in lstmzoo.to_torch(model).items()})
    states = [None, None]
    with torch.no_grad():
        for window in np.random.default_rng(5).integers(0, V, (4, B, 50)):
            ours = model(window)
            for n, other in enumerate((net, again)):
                logits, states[n] = other(torch.from_numpy(window), states[n])
                np.testing.assert_allclose(ours, logits.numpy(), rtol=0, atol=1e-5)
        lstmzoo.reset_states(model)
        text = torch.from_numpy(greedy(in_graph(model, features=False), 200, features=False))
        for other in (net, again):
            np.testing.assert_array_equal(other(text[:, :-1])[0].argmax(2), text[:, 1:])
    for source in (tmp_path / "m.pth", net, net.half(), net.bfloat16().state_dict()):
        assert lstmzoo.from_torch(source).get_weights()[0].dtype == np.float32
    with pytest.raises(InputError, match="lstm.weight_ih_l0: expected floating-point numbers, received torch.int32"):
        lstmzoo.from_torch({name: value.int() for name, value in net.state_dict().items()})


def test_the_cells_of_the_notebook(reference):
    golden = reference("cell_basics")
    layers = [
        LayerWeights(*(golden[f"stacked_l{n}_{part}"] for part in ("kernel", "recurrent_kernel", "bias")))
        for n in (0, 1)
    ]
    model = lstmzoo.from_tf1(tf1_arrays(Weights(tuple(layers))), batch_size=2)
    np.testing.assert_allclose(model(golden["stacked_input"]), golden["stacked_sigmoid_output"], atol=1e-6)


def test_tensorflow_1_itself_agrees():
    """Its cells live on in tf_keras; 0.5 is a forget bias that a program may have given."""
    cells = pytest.importorskip("tf_keras.src.layers.rnn.legacy_cells")
    found = weights(2)
    arrays = tf1_arrays(found, 0.5)
    model = lstmzoo.from_tf1(arrays, found.head, forget_bias=0.5, batch_size=B)
    x = np.random.default_rng(0).normal(size=(B, 3, V)).astype(np.float32)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session, pytest.warns(UserWarning, match="is deprecated"):
        stack = cells.MultiRNNCell([cells.BasicLSTMCell(H, forget_bias=0.5, name="basic_lstm_cell") for _ in "ab"])
        state, outputs = stack.zero_state(B, tf.float32), []
        for t in range(3):
            output, state = stack(tf.constant(x[:, t]), state)
            outputs.append(output)
        variables = tf.compat.v1.global_variables()
        named = {
            variable.name: value
            for variable, value in zip(variables, [a for pair in arrays for a in pair], strict=True)
        }
        for variable in variables:
            variable.load(named[variable.name], session)
        wanted = np.stack(session.run(outputs), 1) @ found.head.kernel + found.head.bias
    np.testing.assert_allclose(model(x), wanted, atol=1e-5)
    by_name = lstmzoo.from_tf1(named, forget_bias=0.5, batch_size=B)
    np.testing.assert_array_equal(by_name.get_weights()[3], model.get_weights()[3])


STACK = "model/rnn/multi_rnn_cell/cell_{}/basic_lstm_cell/{}"


def variables(depth=2, **others):
    found = {}
    for index, pair in enumerate(tf1_arrays(weights(depth))):
        for part, value in zip(("kernel", "bias"), pair, strict=True):
            found[STACK.format(index, part)] = value
            found |= {STACK.format(index, part) + slot: value * 0 + 9 for slot in ("/Adam", "/Adam_1")}
    return found | {"beta1_power": np.float32(0.9), "global_step": np.int64(7)} | others


def test_variables_by_name():
    head = weights(2).head
    wanted = lstmzoo.from_tf1(tf1_arrays(weights(2)), head).get_weights()
    heads = [("softmax_w", "softmax_b"), ("dense/kernel", "dense/bias"), ("Variable", "Variable_1:0")]
    for names in heads:
        found = lstmzoo.from_tf1(variables(**dict(zip(names, head, strict=True))))
        for one, other in zip(found.get_weights(), wanted, strict=True):
            np.testing.assert_array_equal(one, other)
    (pair,) = tf1_arrays(weights(1))
    early = {"rnn/basic_lstm_cell/weights": pair[0], "rnn/basic_lstm_cell/biases": pair[1]}
    assert len(lstmzoo.from_tf1(early).get_weights()) == 3
    assert not lstmzoo.from_tf1({**early, "w": head.kernel}).get_weights()[-1].any()
    table = np.ones((V, V), np.float32)
    model = lstmzoo.from_tf1(variables(**{"embedding": table, "softmax_w": head.kernel, "softmax_b": head.bias}))
    np.testing.assert_array_equal(model.get_weights()[0], table)
    assert model.input_shape == (1, None)


NAMES = {  # of kernel and bias, by the cells of their time
    "0.x": ("rnnlm/RNN/MultiRNNCell/Cell{}/BasicLSTMCell/Linear/{}", "Matrix", "Bias"),
    "0.x, LSTMCell": ("RNN/MultiRNNCell/Cell{}/LSTMCell/{}", "W_0", "B"),
    "0.x, seq2seq": ("rnnlm/rnn_decoder/MultiRNNCell/Cell{}/BasicLSTMCell/Linear/{}", "Matrix", "Bias"),
    "1.0": ("rnn/multi_rnn_cell/cell_{}/basic_lstm_cell/{}", "weights", "biases"),
    "fused": ("rnn/multi_rnn_cell/cell_{}/lstm_fused_cell/{}", "kernel", "bias"),
    "cudnn": ("cudnn_lstm/rnn/multi_rnn_cell/cell_{}/cudnn_compatible_lstm_cell/{}", "kernel", "bias"),
}


@pytest.mark.parametrize("time", NAMES)
def test_names_of_all_times(time):
    name, *parts = NAMES[time]
    forget_bias = 0.0 if time == "cudnn" else 1.0
    pairs, head = tf1_arrays(weights(2), forget_bias), weights(2).head
    named = {name.format(n, part): a for n, pair in enumerate(pairs) for part, a in zip(parts, pair, strict=True)}
    named |= {f"{each}/Adam": value for each, value in named.items()} | {
        "softmax_w": head.kernel,
        "softmax_b": head.bias,
    }
    cells, found, _ = sort_variables(named)
    assert forget_bias_of(named) == forget_bias
    for pair, wanted in zip([*cells, found], [*pairs, head], strict=True):
        for one, other in zip(pair, wanted, strict=True):
            np.testing.assert_array_equal(one, other)
    if time == "cudnn":
        wanted = lstmzoo.from_tf1(pairs, head, forget_bias=0).get_weights()
        for one, other in zip(lstmzoo.from_tf1(named).get_weights(), wanted, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_an_optimizer_of_any_name_keeps_is_passed_over():
    plain = variables()
    slots = {f"{name}/my_sgd": value for name, value in plain.items()}
    model = lstmzoo.from_tf1(plain | slots, forget_bias=np.float32(1))
    for one, other in zip(lstmzoo.from_tf1(plain).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def zeros(*shape):
    return np.zeros(shape, np.float32)


def with_nan():
    kernel, bias = tf1_arrays(weights(1))[0]
    return [(np.where(kernel == kernel[0, 0], np.nan, kernel), bias)]


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ([1, 2], {}, r"cells: expected a list of \(kernel, bias\)"),
        ([(zeros(5, 8), zeros(8))], {"forget_bias": "1"}, "forget_bias: expected a finite number, received '1'"),
        ([], {}, r"cells: expected a list of \(kernel, bias\), one for each layer, or a mapping"),
        ((zeros(5, 8), zeros(8)), {}, r"cells: expected a list of \(kernel, bias\)"),
        ([(zeros(8), zeros(8))], {}, r"layer 0, kernel: expected shape \[D \+ H, 4H\], received \[8\]"),
        ([(zeros(5, 7), zeros(7))], {}, r"layer 0, kernel: expected shape \[D \+ H, 4H\], received \[5, 7\]"),
        ([(zeros(2, 8), zeros(8))], {}, r"layer 0, kernel: expected shape \[D \+ H, 4H\], received \[2, 8\]"),
        ([(zeros(5, 8), zeros(7))], {}, r"layer 0, bias: expected shape \[8\], received \[7\]"),
        (
            [(zeros(5, 8), zeros(8)), (zeros(9, 8), zeros(8))],
            {},
            r"layer 1, kernel: expected shape \[4, 8\], received \[9, 8\]",
        ),
        ([(zeros(5, 8), zeros(8))], {"head": zeros(2, 3)}, r"head: expected \(weights, bias\)"),
        (
            [(zeros(5, 8), zeros(8))],
            {"head": (zeros(3, 4), zeros(4))},
            r"head, weights: expected shape \[2, V\], received \[3, 4\]",
        ),
        (
            [(zeros(5, 8), zeros(8))],
            {"head": (zeros(2, 4), zeros(3))},
            r"head, bias: expected shape \[4\], received \[3\]",
        ),
        ([(zeros(5, 8), zeros(8))], {"embedding": zeros(3)}, r"embedding: expected shape \[V, D\], received \[3\]"),
        ([(zeros(5, 8), zeros(8))], {"encoding": "one_hot"}, "expected 'features' for a model without a head"),
        ([(zeros(5, 8), zeros(8))], {"batch_size": 0}, "batch_size: expected an integer >= 1, received 0"),
        ([(zeros(5, 8), zeros(8)), (zeros(4, 8), zeros(8))], {"kind": "single"}, "expected depth 1 with kind single"),
        (
            [(zeros(5, 8).astype(np.int8), zeros(8))],
            {},
            "layer 0, kernel: expected floating-point numbers, received int8",
        ),
        ([([[1.0], [2.0, 3.0]], zeros(8))], {}, "layer 0, kernel: expected an array of numbers, received"),
        (
            [(zeros(5, 8) + 1e300 * np.ones((5, 8)), zeros(8))],
            {},
            "layer 0, kernel: expected finite numbers of float32",
        ),
        (with_nan(), {}, "layer 0, kernel: expected finite numbers of float32, received NaN or infinity"),
        (variables(), {"head": (1, 2)}, "head and embedding: expected None with a mapping of variables"),
        (
            {"dense/kernel": zeros(2, 2)},
            {},
            "expected the kernel and bias of a BasicLSTMCell.* received none among dense/kernel",
        ),
        (
            variables(other=zeros(6, 7), dense=zeros(6, 7)),
            {},
            r"one matrix \[H, V\] and one vector .* received dense \[6, 7\], other \[6, 7\]",
        ),
        (variables(filters=zeros(3, 3, 2)), {}, r"received filters \[3, 3, 2\]: remove all other variables"),
        (variables(embed_1=zeros(7, 7), embed_2=zeros(7, 7)), {}, "expected one embedding, received embed_1, embed_2"),
        (
            {STACK.format(n, part): zeros(4, 8) for n in (0, 2) for part in ("kernel", "bias")},
            {},
            "received no kernel of cell_1, no bias of cell_1",
        ),
        (
            {f"{scope}/basic_lstm_cell/{part}": zeros(4, 8) for scope in "ab" for part in ("kernel", "bias")},
            {},
            "received several stacks a/, b/: give",
        ),
        (
            variables(**{"bidirectional_rnn/fw/basic_lstm_cell/kernel": zeros(4, 8)}),
            {},
            "'bidirectional_rnn/fw/basic_lstm_cell/kernel' is of a bidirectional net",
        ),
        (
            variables(**{"rnn/gru_cell/gates/kernel": zeros(4, 8)}),
            {},
            "variable 'rnn/gru_cell/gates/kernel' is of a GRU: expected BasicLSTMCell",
        ),
        (variables(**{"RNN/GRUCell/Gates/Linear/Matrix": zeros(4, 8)}), {}, "is of a GRU: expected BasicLSTMCell"),
        (variables(**{"BiRNN_FW/BasicLSTMCell/Linear/Matrix": zeros(4, 8)}), {}, "is of a bidirectional net"),
        (variables(**{"cudnn_lstm/opaque_kernel": zeros(4)}), {}, "of CudnnLSTM: expected its canonical variables"),
        (
            {"RNN/Other/kernel": zeros(4, 8)},
            {},
            "none among RNN/Other/kernel: give .* of each layer as a list, and the head",
        ),
        (variables(**{"rnn/lstm_cell/w_f_diag": zeros(4)}), {}, "variable 'rnn/lstm_cell/w_f_diag' is of peepholes"),
        (
            variables(**{"rnn/lstm_cell/projection/kernel": zeros(4, 2)}),
            {},
            "is of a projection: expected a cell without",
        ),
        (variables(**{"cudnn_lstm/opaque_kernel": zeros(40)}), {}, "is of CudnnLSTM: expected its canonical variables"),
        (
            {
                "lstm/lstm_cell/kernel": zeros(3, 8),
                "lstm/lstm_cell/recurrent_kernel": zeros(2, 8),
                "lstm/lstm_cell/bias": zeros(8),
            },
            {},
            "variable 'lstm/lstm_cell/recurrent_kernel' is of a Keras layer: .* use from_keras",
        ),
        (variables(W_in=zeros(7, 7)), {}, "variable 'W_in' is, by its name, of a layer below the cells"),
        (variables(**{"rnn/basic_rnn_cell/kernel": zeros(4, 2)}), {}, "is of a BasicRNNCell: expected BasicLSTMCell"),
    ],
)
def test_what_is_no_tensorflow_1_stack_is_refused(cells, options, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_tf1(cells, **options)


def lstm(prefix="lstm.", layer="_l0", size=3, units=2, **others):
    shapes = {
        "weight_ih": (4 * units, size),
        "weight_hh": (4 * units, units),
        "bias_ih": (4 * units,),
        "bias_hh": (4 * units,),
    }
    return {f"{prefix}{part}{layer}": zeros(*shape) for part, shape in shapes.items()} | others


def without(tensors, *names):
    return {name: value for name, value in tensors.items() if name not in names}


def dense(name="linear", classes=5, units=2):
    return {f"{name}.weight": zeros(classes, units), f"{name}.bias": zeros(classes)}


def alphabetical(tensors):
    """As safetensors keeps them."""
    return dict(sorted(tensors.items()))


TABLE = {"embedding.weight": zeros(5, 3)}


@pytest.mark.parametrize(
    ("tensors", "layers", "encoding", "vocab_size"),
    [
        (lstm(), (2,), "features", None),
        (lstm() | dense() | TABLE, (2,), "embedding", 5),
        (lstm(prefix="") | dense("fc"), (2,), "features", 5),
        (without(lstm(), "lstm.bias_ih_l0", "lstm.bias_hh_l0"), (2,), "features", None),
        (lstm() | {"fc.weight": zeros(5, 2)}, (2,), "features", 5),
        (alphabetical(lstm(size=2) | {"decoder.weight": zeros(5, 2), "encoder.weight": zeros(5, 2)}), (2,), "embedding", 5),
        (alphabetical(lstm(size=2) | {"wte.weight": zeros(5, 2), "unembed.weight": zeros(5, 2)}), (2,), "embedding", 5),
        ({"embedding_out.weight": zeros(5, 2), "lookup.weight": zeros(5, 2)} | lstm(size=2), (2,), "embedding", 5),
        ({"table.weight": zeros(5, 2)} | lstm(size=2) | dense(), (2,), "embedding", 5),
        (lstm("lstms.0.") | lstm("lstms.1.", size=2, units=4), (2, 4), "features", None),
        (lstm("lstm1.") | lstm("lstm2.", size=2), (2, 2), "features", None),
        (lstm("net.cells.0.", "") | lstm("net.cells.1.", "", size=2), (2, 2), "features", None),
        (lstm("rnn.") | lstm("rnn.", "_l1", size=2), (2, 2), "features", None),
        (lstm("cell.", ""), (2,), "features", None),
    ],
)  # fmt: skip
def test_names_that_torch_users_give(tensors, layers, encoding, vocab_size):
    found = blueprint_of(lstmzoo.from_torch(tensors))
    assert (found.spec.layers, found.encoding, found.vocab_size) == (layers, encoding, vocab_size)


@pytest.mark.parametrize(
    ("tensors", "options", "message"),
    [
        (3, {}, "source: expected a path or a state dict, name -> tensor, received 3"),
        ({}, {}, r"tensors: expected those of an nn.LSTM \(weight_ih_l0 and so on\), received none"),
        ({1: zeros(2)}, {}, "source: expected a path or a state dict"),
        (
            lstm(**lstm(layer="_l0_reverse")),
            {},
            "lstm.weight_ih_l0_reverse: expected an LSTM of one direction, received a bidirectional one",
        ),
        (
            lstm(**{"lstm.weight_hh_l0": zeros(8, 1), "lstm.weight_hr_l0": zeros(1, 2)}),
            {},
            "lstm.weight_hr_l0: expected an LSTM without projection",
        ),
        (lstm(**{"lstm.weight_hr_l0": zeros(1, 2)}), {}, "lstm.weight_hr_l0: expected an LSTM without projection"),
        (
            {"gru.weight_ih_l0": zeros(6, 3), "gru.weight_hh_l0": zeros(6, 2)},
            {},
            r"gru.weight_hh_l0: expected shape \[4H, H\], received \[6, 2\] \(of a GRU\)",
        ),
        (
            {"rnn.weight_ih_l0": zeros(2, 3), "rnn.weight_hh_l0": zeros(2, 2)},
            {},
            r"rnn.weight_hh_l0: .* received \[2, 2\] \(of a plain RNN\)",
        ),
        (
            lstm(**{"lstm.weight_ih_l0": zeros(7, 3)}),
            {},
            r"lstm.weight_ih_l0: expected shape \[8, D\], received \[7, 3\]",
        ),
        (lstm(**{"lstm.bias_hh_l0": zeros(7)}), {}, r"lstm.bias_hh_l0: expected shape \[8\], received \[7\]"),
        (
            lstm(**{"lstm.bias_hh_l0": zeros(8, 1)}),
            {},
            r"lstm.bias_hh_l0: expected 1 dimensions, received shape \[8, 1\]",
        ),
        (lstm() | lstm(layer="_l1"), {}, r"lstm.weight_ih_l1: expected shape \[8, 2\], received \[8, 3\]"),
        (without(lstm(), "lstm.bias_hh_l0"), {}, r"tensors: expected bias_hh of layer 0 of 'lstm\.', received none"),
        (lstm() | lstm(layer="_l2", size=2), {}, r"tensors: expected weight_ih of layer 1 of 'lstm\.', received none"),
        (
            lstm("encoder.") | lstm("decoder."),
            {},
            "numbered without a gap, received 'decoder.', 'encoder.': give the tensors of one stack",
        ),
        (lstm("lstms.0.") | lstm("lstms.2.", size=2), {}, "numbered without a gap, received 'lstms.0.', 'lstms.2.'"),
        (
            lstm("lstms.0.") | lstm("lstms.0.", "_l1", size=2) | lstm("lstms.1.", size=2),
            {},
            "modules of one layer numbered",
        ),
        (
            lstm() | {"norm.weight": zeros(2)},
            {},
            r"norm.weight: expected LSTM, Linear and Embedding only, received \[2\] of another layer",
        ),
        (lstm() | {"norm.bias": zeros(2)}, {}, r"norm.bias: expected a weight \[V, H\] beside it"),
        (lstm() | dense() | dense("fc"), {}, "tensors: expected at most one Linear, received linear.weight, fc.weight"),
        (
            TABLE | {"e.weight": zeros(5, 3)} | lstm() | dense(),
            {},
            "at most one Embedding, received embedding.weight, e.weight",
        ),
        (
            alphabetical(lstm(size=2) | {"lookup.weight": zeros(5, 2), "guess.weight": zeros(5, 2)}),
            {},
            "expected names that show which is the Embedding and which the Linear, received guess.weight, lookup.weight: pass a mapping",
        ),
        (
            dense("first", classes=3, units=4) | lstm(),
            {},
            "first.weight: expected a Linear above the LSTM, received one in front",
        ),
        (lstm() | dense(units=4), {}, r"linear.weight: expected shape \[V, 2\], received \[5, 4\]"),
        (lstm() | {**dense(), "linear.bias": zeros(4)}, {}, r"linear.bias: expected shape \[5\], received \[4\]"),
        (lstm() | dense(classes=4) | TABLE, {}, "as many rows as the head has classes, received 5 rows and 4 classes"),
        (lstm() | TABLE, {}, "received 5 rows and no head"),
        (
            lstm() | dense() | TABLE,
            {"encoding": "one_hot"},
            "'embedding' where there is an embedding, and only there, received 'one_hot'",
        ),
        (
            lstm() | dense(),
            {"encoding": "one_hot"},
            "expected 5 input features with 'one_hot', received 3: use 'features'",
        ),
        (lstm() | dense(), {"encoding": "scalar"}, "expected 1 input features with 'scalar', received 3"),
        (
            lstm() | {"lstm.weight_ih_l0": zeros(8, 3) + np.inf},
            {},
            "lstm.weight_ih_l0: expected finite numbers of float32",
        ),
        (
            lstm() | {"lstm.weight_ih_l0": zeros(8, 3).astype(np.int8)},
            {},
            "lstm.weight_ih_l0: expected floating-point numbers, received int8",
        ),
    ],
)
def test_what_is_no_torch_stack_is_refused(tensors, options, message):
    with pytest.raises(InputError, match=message):
        lstmzoo.from_torch(tensors, **options)


def test_a_live_module_is_searched_for_what_its_tensors_do_not_say():
    nn = pytest.importorskip("torch").nn

    def net(**parts):
        return nn.ModuleDict(parts)

    refused = [
        (net(a=nn.LSTM(3, 2), act=nn.ReLU()), "module 'act': expected LSTM, .* and Dropout only, received 'ReLU'"),
        (
            net(inp=nn.Linear(3, 3), a=nn.LSTM(3, 3)),
            "module 'inp': expected a Linear above the last LSTM, received one",
        ),
        (net(a1=nn.LSTM(3, 3), b=nn.Linear(3, 3), a2=nn.LSTM(3, 3)), "module 'b': expected a Linear above the last"),
        (net(e=nn.Embedding(5, 3, max_norm=0.5), a=nn.LSTM(3, 3), l=nn.Linear(3, 5)), "module 'e': .*max_norm=0.5"),
        (net(a=nn.LSTM(3, 3), e=nn.Embedding(5, 3)), "module 'e': expected an Embedding below the LSTM"),
    ]
    for module, message in refused:
        with pytest.raises(InputError, match=message):
            lstmzoo.from_torch(module)
    module = net(symbols=nn.Embedding(5, 3), a=nn.LSTM(3, 3, 2, dropout=0.25), embed=nn.Linear(3, 5, bias=False))
    found = blueprint_of(lstmzoo.from_torch(module))
    assert (found.encoding, found.spec.dropout) == ("embedding", 0.25)
    np.testing.assert_array_equal(found.weights.embedding, module["symbols"].weight.detach().numpy())


def test_a_shared_tensor_is_read_under_both_names(tmp_path):
    nn = pytest.importorskip("torch").nn
    module = nn.ModuleDict({"embedding": nn.Embedding(5, 3), "lstm": nn.LSTM(3, 3), "linear": nn.Linear(3, 5)})
    module["linear"].weight = module["embedding"].weight
    importlib.import_module("safetensors.torch").save_model(module, str(tmp_path / "m.safetensors"))
    assert len(safetensors.numpy.load_file(tmp_path / "m.safetensors")) == 6
    found = lstmzoo.from_torch(tmp_path / "m.safetensors").get_weights()
    for one, other in zip(found, lstmzoo.from_torch(module).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_dict_inside_a_mapping_is_found():
    for key in ("state_dict", "net"):
        assert len(lstmzoo.from_torch({key: lstm(), "epoch": 3, "optimizer": {"state": {}}}).get_weights()) == 3
    with pytest.raises(InputError, match="source: expected one state dict, received mappings at 'a', 'b': give one"):
        lstmzoo.from_torch({"a": lstm(), "b": lstm()})


def test_tensors_without_dense_numbers_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = torch.nn.LSTM(3, 2).state_dict()
    name = "weight_hh_l0"
    for value, message in ((tensors[name].to("meta"), "one on the meta device"), (tensors[name].to_sparse(), "layout")):
        with pytest.raises(InputError, match=f"{name}: expected a dense tensor, received .*{message}"):
            lstmzoo.from_torch({**tensors, name: value})
    with pytest.raises(InputError, match="variable 'w': expected an array, received rows of different lengths"):
        lstmzoo.from_tf1(variables(w=[[1.0], [2.0, 3.0]]))
    torch.save(torch.nn.LSTM(3, 2), tmp_path / "m.pt")
    with pytest.raises(
        InputError,
        match=r"received 'torch.nn.modules.rnn.LSTM', of a whole module or other objects: save model.state_dict\(\)",
    ):
        lstmzoo.from_torch(tmp_path / "m.pt")


def stored(kind, data, shape):
    """A safetensors file of one more type, written by hand."""
    entries = lstm()
    content = b"".join(value.tobytes() for value in entries.values())
    header, at = {}, 0
    for name, value in entries.items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    header["linear.weight"] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(data)]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content + data


@pytest.mark.parametrize(("kind", "numpy_type"), [("F16", "<f2"), ("F64", "<f8"), ("BF16", None)])
def test_other_types_become_float32(tmp_path, kind, numpy_type):
    values = np.array([[1.5, -2.0]])
    data = (
        values.astype(numpy_type).tobytes()
        if numpy_type
        else (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    )
    (tmp_path / "m.safetensors").write_bytes(stored(kind, data, (1, 2)))
    *_, kernel, _ = lstmzoo.from_torch(tmp_path / "m.safetensors").get_weights()
    np.testing.assert_array_equal(kernel, values.T.astype(np.float32))
    assert kernel.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.safetensors", None, "none.safetensors'?: expected a file of weights, received nothing there"),
        (".", None, "expected a file of weights, received a directory"),
        ("m.npz", b"", "m.npz: expected a .safetensors, .pt, .pth, .bin or .ckpt file, received '.npz'"),
        ("m.safetensors", b"", r"m.safetensors: expected a whole safetensors file, received a damaged one \("),
        ("m.safetensors", b"junk" * 40, "expected a whole safetensors file, received a damaged one"),
        (
            "m.safetensors",
            stored("F32", b"\0" * 8, (1, 2))[:-3],
            "expected a whole safetensors file, received a damaged one",
        ),
        (
            "m.safetensors",
            stored("I8", b"\0" * 2, (1, 2)),
            "expected tensors of F16, BF16, F32 or F64, received I8 in 'linear.weight'",
        ),
    ],
)
def test_files_that_hold_no_tensors_are_refused(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        lstmzoo.from_torch(tmp_path / name)


class Code:
    """What a hostile file would hold."""

    def __reduce__(self):
        return (print, ("it ran",))


def test_no_code_in_a_pt_file_runs(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    torch.save({"lstm.weight_ih_l0": Code()}, tmp_path / "hostile.pt")
    (tmp_path / "junk.pt").write_bytes(b"junk")
    torch.save([1], tmp_path / "list.pt")
    torch.save(torch.nn.LSTM(2, 3), tmp_path / "module.pt")
    for name in ("hostile", "junk", "module"):
        with pytest.raises(
            InputError, match=rf"{name}.pt: expected what torch.save\(model.state_dict\(\), path\) writes"
        ):
            lstmzoo.from_torch(tmp_path / f"{name}.pt")
    with pytest.raises(InputError, match="list.pt: expected a state dict, name -> tensor, received list"):
        lstmzoo.from_torch(tmp_path / "list.pt")
    assert "it ran" not in capsys.readouterr().out


def test_without_torch_a_pt_file_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    (tmp_path / "m.pt").write_bytes(b"")
    with pytest.raises(InputError, match=r"expected torch to be installed .* pip install 'lstmzoo\[torch\]'"):
        lstmzoo.from_torch(tmp_path / "m.pt")


def test_what_torch_cannot_hold_is_refused(tmp_path):
    spec = {"units": 3, "recurrent_activation": "hard_sigmoid"}
    model = lstmzoo.build_model(spec, vocab_size=2, encoding="scalar", batch_size=1)
    with pytest.raises(
        InputError, match="recurrent_activation: expected sigmoid, as nn.LSTM has it, received hard_sigmoid"
    ):
        lstmzoo.to_torch(model)
    with pytest.raises(InputError, match=r"expected a path that ends in .safetensors, received '.pt'"):
        lstmzoo.to_torch(model, tmp_path / "m.pt")
    assert list(tmp_path.iterdir()) == []
