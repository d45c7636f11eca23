"""ONNX: one LSTM operation a layer, whatever the kind of the model, and no other program's converter between.

ONNX has the gates in the order i, o, f, c. An output may not have the name of an input, so h0 goes out as `h0_next`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmzoo.export.formats.format import MOST_BYTES, Example, Format
from lstmzoo.export.notes import FILES, Notes
from lstmzoo.export.units import Units
from lstmzoo.models.blueprint import Blueprint, LayerWeights
from lstmzoo.models.signature import Signature, StateArrays, signature_of
from lstmzoo.system.missing import load_extra
from lstmzoo.system.reader import read_file

EXTRA, OPSET, IR_VERSION = "onnx", 17, 8  # what runtimes since 2022 read
STATE_AFTER = "{state}_next"


def write_onnx(blueprint: Blueprint, notes: Notes, path: Path) -> None:
    """Write the file; vocabulary, scaling and card stand in its metadata."""
    onnx = load_extra("onnx", EXTRA)
    graph = _Graph(onnx, blueprint, notes.units)
    model = onnx.helper.make_model(
        graph.whole(),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lstmzoo",
    )
    onnx.helper.set_model_props(model, {name: content.decode() for name, content in notes.files(blueprint).items()})
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def read_metadata(path: Path) -> dict[str, bytes]:
    """Return the files of these names in a file's metadata; raise `ValueError` for no ONNX file."""
    onnx = load_extra("onnx", EXTRA)
    try:
        found = onnx.load_model_from_string(read_file(path, MOST_BYTES * 2)).metadata_props
    except OSError:
        raise
    except Exception as error:  # of protobuf, whose class depends on its build
        raise ValueError(f"no ONNX ({type(error).__name__})") from error
    return {each.key: each.value.encode() for each in found if each.key in FILES}


class _Graph:
    """The nodes and weights of a graph, added one by one; a node and its output have the same name."""

    def __init__(self, onnx: Any, blueprint: Blueprint, units: tuple[Units, Units] | None):
        self.helper, self.numpy, self.types = onnx.helper, onnx.numpy_helper, onnx.TensorProto
        self.blueprint, self.signature = blueprint, signature_of(blueprint)
        self.units = units
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def whole(self) -> Any:
        """Return the graph: ids or features and states to logits or numbers and states."""
        x = inputs = self._encoded()
        outputs = [x := self._layer(index, layer, x) for index, layer in enumerate(self.blueprint.weights.layers)]
        x = self._add("Sum", "outputs_of_all", *outputs) if self.blueprint.spec.skip_outputs else x
        self._add("Transpose", self.signature.output_name, self._found(x, inputs), perm=[1, 0, 2])
        return self.helper.make_graph(self.nodes, "lstm", [*self._inputs()], [*self._outputs()], self.constants)

    def _found(self, x: str, inputs: str) -> str:
        """Return the name of what comes out, `[T, B, V]`, of what leaves the last layer and of the model's inputs."""
        head: Any = self.blueprint.weights.head
        x = self._add("MatMul", "head_product", x, self._constant("head_kernel", head.kernel))
        x = self._add("Add", "head_sum", x, self._constant("head_bias", head.bias))
        if (skip := self.blueprint.weights.skip) is not None:
            beside = self._add("MatMul", "skip_product", inputs, self._constant("skip_kernel", skip))
            x = self._add("Add", "skip_sum", x, beside)
        if self.units is None:
            return x
        factor, offset = self.units[1].out_of_model()
        x = self._add("Mul", "unscaled", x, self._constant("output_deviations", factor))
        return self._add("Add", "by_time", x, self._constant("output_means", offset))

    def _scaled(self, x: str) -> str:
        """Return the name of the features as the model has them."""
        if self.units is None:
            return x
        center, factor, rest = self.units[0].into_model()
        x = self._add("Sub", "centered", x, self._constant("input_means", center))
        x = self._add("Mul", "scaled", x, self._constant("input_factors", factor))
        return self._add("Sub", "exact", x, self._constant("input_rests", rest))

    def _encoded(self) -> str:
        """Return the name of what the first layer takes, `[T, B, D]`."""
        signature, name = self.signature, self.signature.input_name
        if signature.encoding == "features":
            return self._add("Transpose", "x", self._scaled(name), perm=[1, 0, 2])
        ids = self._add("Transpose", "ids_by_time", name, perm=[1, 0])
        if signature.encoding == "scalar":
            numbers = self._add("Cast", "numbers", ids, to=self.types.FLOAT)
            return self._add("Unsqueeze", "x", numbers, self._constant("last", np.array([2])))
        whole = self._add("Cast", "whole", ids, to=self.types.UINT32)  # Gather takes -1 for the last: here it is none
        places = self._add("Cast", "places", whole, to=self.types.INT64)
        if signature.encoding == "embedding":
            return self._add("Gather", "x", self._constant("embedding", self.blueprint.weights.embedding), places)
        known = self._constant("symbols", np.arange(signature.output_dim))  # OneHot takes any, Gather refuses others
        symbols = self._add("Gather", "known", known, places)
        size = self._constant("vocab_size", np.array(signature.output_dim))
        return self._add("OneHot", "x", symbols, size, self._constant("off_on", np.array([0, 1], np.float32)))

    def _layer(self, index: int, layer: LayerWeights, x: str) -> str:
        first, place = self._constant("first", np.array([0])), f"lstm_{index}"
        bias = _gates(layer.bias)[..., 0]
        both = np.concatenate([bias, np.zeros_like(bias)], 1)  # ONNX has one for the input and one for the state
        parts = (_gates(layer.kernel), _gates(layer.recurrent_kernel), both)
        names = [self._constant(f"{place}_{what}", part) for what, part in zip("WRB", parts, strict=True)]
        states = [self._add("Unsqueeze", f"{place}_{part}", f"{part}{index}", first) for part in "hc"]
        hard = self.blueprint.spec.recurrent_activation == "hard_sigmoid"
        options: dict[str, Any] = {"activations": ["HardSigmoid" if hard else "Sigmoid", "Tanh", "Tanh"]}
        if hard:
            options |= {"activation_alpha": [0.2], "activation_beta": [0.5]}
        outputs = [f"{place}_{what}" for what in ("Y", "Y_h", "Y_c")]
        self.nodes.append(
            self.helper.make_node("LSTM", [x, *names, "", *states], outputs, place, hidden_size=layer.units, **options)
        )
        for part, output in zip("hc", outputs[1:], strict=True):
            self._add("Squeeze", STATE_AFTER.format(state=f"{part}{index}"), output, first)
        return self._add("Squeeze", f"{place}_outputs", outputs[0], self._constant("direction", np.array([1])))

    def _add(self, operation: str, name: str, *inputs: str, **options: Any) -> str:
        self.nodes.append(self.helper.make_node(operation, [*inputs], [name], name, **options))
        return name

    def _constant(self, name: str, value: np.ndarray | None) -> str:
        if name not in [constant.name for constant in self.constants]:
            self.constants.append(self.numpy.from_array(value, name))
        return name

    def _inputs(self) -> Iterator[Any]:
        shape = ["B", "T"]
        if self.signature.encoding == "features":
            yield self.helper.make_tensor_value_info(
                self.signature.input_name, self.types.FLOAT, [*shape, self.signature.input_dim]
            )
        else:
            yield self.helper.make_tensor_value_info(self.signature.input_name, self.types.INT32, shape)
        for name, units in zip(self.signature.state_names, self.signature.state_sizes, strict=True):
            yield self.helper.make_tensor_value_info(name, self.types.FLOAT, ["B", units])

    def _outputs(self) -> Iterator[Any]:
        shape = ["B", "T", self.signature.output_dim]
        yield self.helper.make_tensor_value_info(self.signature.output_name, self.types.FLOAT, shape)
        for name, units in zip(self.signature.state_names, self.signature.state_sizes, strict=True):
            yield self.helper.make_tensor_value_info(STATE_AFTER.format(state=name), self.types.FLOAT, ["B", units])


def _gates(weights: np.ndarray) -> np.ndarray:
    """Turn `[..., 4H]` with gates i, f, c, o into ONNX's `[1, 4H, ...]` with i, o, f, c."""
    i, f, c, o = np.split(np.atleast_2d(weights), 4, axis=1)
    return np.ascontiguousarray(np.concatenate([i, o, f, c], 1).T[None])


class OnnxRunner:
    """An ONNX file in onnxruntime, on one thread."""

    def __init__(self, path: Path, signature: Signature):
        onnxruntime = load_extra("onnxruntime", EXTRA)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        self.signature = signature
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, x: np.ndarray, states: Sequence[np.ndarray]) -> tuple[np.ndarray, StateArrays]:
        """Return logits `[B, T, V]` and the states after the window, as every `Runner` does."""
        inputs = dict(zip(self.signature.state_names, states, strict=True))
        logits, *states = self.session.run(None, {self.signature.input_name: x, **inputs})
        return logits, list(states)


ONNX = Format(
    write_onnx,
    OnnxRunner,
    read_metadata,
    ending=".onnx",
    inside="in the metadata",
    sentence="`pip install onnxruntime`, or another runtime of operator set 17.",
    example=Example(
        imports="import onnxruntime",
        open="onnxruntime.InferenceSession({file})",
        read='model.get_modelmeta().custom_metadata_map["{inside}"]',
        run="dict(zip(['{y}', *states], model.run(None, {{**states, '{x}': {x}}})))",
    ),
    modules=("onnx", "onnxruntime"),
    most_bytes=MOST_BYTES,
    state_after=STATE_AFTER,
    is_runtime=True,
    needs_tensorflow=False,
)
