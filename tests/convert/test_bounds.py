"""Small files that claim gigabytes, or minutes, are refused before anything is inflated; honest compression is read."""

import codecs
import contextlib
import io
import itertools
import json
import tracemalloc
import zipfile

import h5py
import numpy as np
import pytest
import safetensors.numpy
import tf_keras as keras

import lstmzoo
from lstmzoo.convert.bounds import Room, listed
from lstmzoo.convert.keras_chain import chain_of
from lstmzoo.errors import InputError
from tests.convert.test_torch_and_tf1 import lstm, variables, zeros
from tests.helpers.rows import few

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
CELL = "layers/lstm/cell/vars"
STORED, DEFLATED, LZMA = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(40, return_sequences=True, name="lstm")])
    model.set_weights([np.where(np.arange(w.size).reshape(w.shape) % 100, 0, 0.5) for w in model.get_weights()])
    path = tmp_path_factory.mktemp("honest") / "m.keras"
    model.save(path)
    return path


def rewritten(honest, path, change=lambda file, config: None, compression=DEFLATED):
    """The file with its weights and config changed, and each member compressed."""
    with zipfile.ZipFile(honest) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config, weights = json.loads(parts["config.json"]), io.BytesIO(parts["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file, config)
    parts |= {"config.json": json.dumps(config).encode(), "model.weights.h5": weights.getvalue()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def put(shape, **options):
    def change(file, config):
        del file[f"{CELL}/0"]
        file.create_dataset(f"{CELL}/0", shape, "f4", **options)

    return change


def compressed_twice(file, config):
    del file[f"{CELL}/0"]
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((3, 160))
    properties.set_deflate(9)
    properties.set_deflate(9)
    h5py.h5d.create(file[CELL].id, b"0", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3, 160)), properties).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((3, 160), np.float32)
    )


def linked(file, config):
    """A thousand layers that share one array of a quarter of a megabyte."""
    first, layer = config["config"]["layers"]
    file.create_dataset("all", data=np.zeros((125, 500), np.float32))
    names = ["lstm", *(f"lstm_{n}" for n in range(1, 1000))]
    layers = [{**layer, "config": {**layer["config"], "name": name, "units": 125, "use_bias": False}} for name in names]
    config["config"]["layers"] = [first, *layers]
    del file["layers/lstm"]
    for name in names:
        for part in "01":
            file[f"layers/{name}/cell/vars/{part}"] = file["all"]


BOMBS = {
    "absent chunks": (put((1 << 14, 1 << 14), chunks=(64, 64)), DEFLATED, "can hold, .* array at .* of 1,073,741,824 b"),
    "absent chunks, stored": (put((1 << 14, 1 << 14), chunks=(64, 64)), STORED, "a file of its size can hold"),
    "a chunk larger than its array": (
        put((3, 160), chunks=(1 << 14, 1 << 14), maxshape=(None, None)), STORED, "a file of its size can hold"
    ),
    "zeros in zeros": (put((3, 160), compression="gzip"), DEFLATED, "as Keras writes it, received a compressed one"),
    "compressed twice": (compressed_twice, STORED, "as Keras writes it, received a compressed one"),
    "one array for many layers": (linked, DEFLATED, "a file of its size can hold"),
    "a config of zeros": (lambda f, c: c.update(a="0" * 9_000_000), DEFLATED, "at most 8,000,000 bytes of config"),
    "another compression": (lambda f, c: None, LZMA, "'config.json' as the library writes it, received it in another"),
    "objects": (put((3, 160)), STORED, None),
}  # fmt: skip


@pytest.mark.parametrize("name", few(list(BOMBS), [name for name in BOMBS if name != "one array for many layers"]))
def test_what_a_keras_file_cannot_hold_is_not_read(honest, tmp_path, name):
    change, compression, message = BOMBS[name]
    if name == "objects":
        change, message = put_objects, "expected an array at .*, received another object"
    path = rewritten(honest, tmp_path / "m.keras", change, compression)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            lstmzoo.from_keras(path)
        assert tracemalloc.get_traced_memory()[1] < 120_000_000
    finally:
        tracemalloc.stop()


def put_objects(file, config):
    del file[f"{CELL}/0"]
    file.create_dataset(f"{CELL}/0", (3, 160), h5py.vlen_dtype(np.float32))


def test_honest_compression_is_read(honest, tmp_path):
    wanted = lstmzoo.from_keras(honest).get_weights()
    for one, other in zip(
        lstmzoo.from_keras(rewritten(honest, tmp_path / "m.keras")).get_weights(), wanted, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    keras.models.load_model(honest, compile=False).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        group = file["model_weights/lstm"]
        for name in group.attrs["weight_names"]:
            value = group[name][()]
            del group[name]
            group.create_dataset(name, data=value, compression="gzip", shuffle=True)
    for one, other in zip(lstmzoo.from_keras(tmp_path / "m.h5").get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_room_of_a_file(tmp_path):
    """Deflate makes at most 1032 bytes of one; a large file of honest weights never comes near."""
    rows = {1000: 1_100_000, 100_000: 64 * 2**20 + 10_000_000, 10**9: 64 * 2**20 + 10**11}
    assert {size: Room(tmp_path, size).left for size in rows} == rows
    room = Room(tmp_path, 1000)
    room.take(1_000_000, "a")
    with pytest.raises(InputError, match=r"1,100,000 bytes at most, received b of 100,001 bytes"):
        room.take(100_001, "b")
    room.take(100_000, "c")


def test_a_tensor_under_many_names_is_not_read_for_each(tmp_path):
    tensors = lstm(size=2)
    names = {f"x{n}.weight": "lstm.weight_hh_l0" for n in range(5000)}
    tensors["lstm.weight_hh_l0"] = zeros(8000, 2000)[:, :2] * 0 + zeros(8000, 2)
    safetensors.numpy.save_file(tensors, tmp_path / "m.safetensors", names)
    with pytest.raises(InputError, match=r"can hold, .* received the tensor 'x\d+.weight' of 64,000 bytes"):
        lstmzoo.from_torch(tmp_path / "m.safetensors")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_a_pt_file_cannot_hold_is_not_read(tmp_path):
    torch = pytest.importorskip("torch")
    one = torch.ones(1)
    torch.save({"weight_ih_l0": one.expand(200_000, 3), "weight_hh_l0": one.expand(200_000, 50_000)}, tmp_path / "m.pt")
    with pytest.raises(InputError, match=r"can hold, .* received the tensor 'weight_ih_l0' of 2,400,000 bytes"):
        lstmzoo.from_torch(tmp_path / "m.pt")
    torch.save(torch.nn.LSTM(3, 2).state_dict(), tmp_path / "m.pt")
    assert len(lstmzoo.from_torch(tmp_path / "m.pt").get_weights()) == 3
    with zipfile.ZipFile(tmp_path / "m.pt") as archive, zipfile.ZipFile(tmp_path / "n.pt", "w", DEFLATED) as other:
        for name in archive.namelist():
            other.writestr(name, archive.read(name))
    with pytest.raises(InputError, match=r"as the library writes it, received it in another compression"):
        lstmzoo.from_torch(tmp_path / "n.pt")
    nested = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(1, 3)])
    with pytest.raises(InputError, match="weight_ih_l0: expected a dense tensor, received a nested one"):
        lstmzoo.from_torch({**torch.nn.LSTM(3, 2).state_dict(), "weight_ih_l0": nested})


class Call:
    """An object that a pickle makes by a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda torch: (bytearray, 8 * 10**9), "bytearray"),
        (lambda torch: (torch.Tensor, 10**5, 10**5), "torch.Tensor"),
        (lambda torch: (torch.FloatTensor, 10**5, 10**5), "torch.FloatTensor"),
        (lambda torch: (codecs.encode, "ab", "hex"), "_codecs.encode"),
        (lambda torch: (torch._utils._rebuild_device_tensor_from_cpu_tensor, torch.zeros(1).expand(10**5, 10**5), torch.float64, "cpu", False), "torch._utils._rebuild_device_tensor_from_cpu_tensor"),
        (lambda torch: (print, "it ran"), "print"),
    ],
)  # fmt: skip
def test_objects_that_are_no_tensors_are_not_made(tmp_path, monkeypatch, call, name, zipped):
    torch = pytest.importorskip("torch")
    for place in (
        {"a": Call(*call(torch))},
        {"state_dict": torch.nn.LSTM(3, 2).state_dict(), "b": [{"c": Call(*call(torch))}]},
    ):
        torch.save(place, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
        monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was loaded"))
        with pytest.raises(
            InputError, match=rf"m.pt: expected what torch.save.*, received '(.*\.)?{name}', of a whole"
        ):
            lstmzoo.from_torch(tmp_path / "m.pt")


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_what_files_of_training_hold_beside_tensors_is_read(tmp_path, zipped):
    torch = pytest.importorskip("torch")
    module = torch.nn.LSTM(3, 2)
    optimizer = torch.optim.Adam(module.parameters())
    steps = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 4])
    module(torch.zeros(1, 3))[0].sum().backward()
    optimizer.step()
    others = {"steps": steps.state_dict(), "size": torch.zeros(2).size(), "set": {1}, "type": torch.float16, "on": torch.device("cpu")}  # fmt: skip
    wanted = module.weight_ih_l0.detach().numpy().T
    types = {name: value.to(torch.float64) for name, value in module.state_dict().items()}
    half = {name: value.to(torch.bfloat16) for name, value in types.items()}
    for tensors in (module.state_dict(), dict(module.named_parameters()), types, half):
        torch.save(
            {"state_dict": tensors, "optimizer": optimizer.state_dict(), **others},
            tmp_path / "m.pt",
            _use_new_zipfile_serialization=zipped,
        )
        found = lstmzoo.from_torch(tmp_path / "m.pt").get_weights()[0]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=4e-3)  # bfloat16 has 8 bits


def test_a_damaged_archive_of_torch_is_one_message(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.LSTM(3, 2).state_dict(), tmp_path / "whole.pt")
    content = (tmp_path / "whole.pt").read_bytes()
    directory, end = content.index(b"PK\1\2"), content.rindex(b"PK\5\6")
    last = content.rindex(b"PK\1\2")
    damages = [(directory, b"XXXX"), (last, b"XXXX"), (last + 28, b"\xff\xff"), (end + 16, b"\5\0\0\0"), (end + 12, b"\xff" * 7), (end, b"XXXX"), (directory + 10, b"\x63\0"), (last + 8, b"\xff\xff"), (last + 46, b"\xff" * 8)]  # fmt: skip
    for ending, (place, put) in itertools.product((".pt", ".bin", ".ckpt"), damages):
        path = tmp_path / f"m{ending}"
        path.write_bytes(content[:place] + put + content[place + len(put) :])
        with contextlib.suppress(InputError):  # some fields are read by nobody
            lstmzoo.from_torch(path)
    for place, put in damages[:2]:
        (tmp_path / "m.pt").write_bytes(content[:place] + put + content[place + len(put) :])
        with pytest.raises(
            InputError, match=r"m.pt: expected what torch.save\(.*\) writes, whole, received other data"
        ):
            lstmzoo.from_torch(tmp_path / "m.pt")


@pytest.mark.parametrize("name", ["1" * 20_000, "a." * 9000 + "weight", "lstm.weight_hh_l" + "9" * 5000, "é" * 501])
def test_names_that_cost_minutes_are_not_read(name):
    for convert in (
        lambda: lstmzoo.from_torch(lstm() | {name: zeros(2)}),
        lambda: lstmzoo.from_tf1(variables(**{name: zeros(2)})),
    ):
        with pytest.raises(InputError, match=f"expected a name of at most 500 characters, received {len(name):,}") as e:
            convert()
        assert len(str(e.value)) < 200


def test_messages_list_eight_names():
    assert listed(f"n{n}" for n in range(10)) == "n0, n1, n2, n3, n4, n5, n6, n7 and 2 more"
    many = {f"{n}.weight": zeros(5, 2) for n in range(2000)} | {f"{n}.bias": zeros(5) for n in range(2000)}
    with pytest.raises(InputError, match="at most one Linear, received 0.weight, .* and 1992 more") as error:
        lstmzoo.from_torch(lstm() | many)
    assert len(str(error.value)) < 300


class Layer(dict):
    """A layer that is never compared with another one, which takes the square of their number."""

    __hash__ = None

    def __eq__(self, other):
        raise AssertionError


def test_a_long_chain_takes_time_in_proportion():
    layers = [Layer(class_name="Dropout", config={"name": str(n)}, inbound_nodes=[[[str(n - 1), 0, 0, {}]]] if n else []) for n in range(5000)]  # fmt: skip
    config = {"layers": layers, "input_layers": [["0", 0, 0]], "output_layers": [["4999", 0, 0]]}
    assert [layer["config"]["name"] for layer in chain_of({"class_name": "Model", "config": config})] == [*map(str, range(5000))]  # fmt: skip


def test_more_layers_than_a_model_has_are_refused():
    layers = [(zeros(2, 4), zeros(4))] * 1001
    with pytest.raises(InputError, match="model: expected at most 1,000 LSTM layers, received 1,001"):
        lstmzoo.from_tf1(layers)
