"""BlazePose's graph files to state dicts of this package's networks (extra ``litert``)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tflite
import torch
from torch import Tensor

from vidzoo.errors import DataError
from vidzoo.models.blazepose.detector import PoseDetector
from vidzoo.models.blazepose.landmark_network import LandmarkNetwork

SHA256 = {
    "detector": "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    "full": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "lite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
}
"""Of the graph files: ``mediapipe/modules/pose_detection/pose_detection.tflite`` of PyPI's mediapipe 0.10.21, and
``pose_landmark_{full,lite}.tflite`` of npm's @mediapipe/pose 0.5.1675469404."""


def convert(graph: Path, network: str) -> dict[str, Tensor]:
    """Return the state dict of one of the networks, in half precision as the graph file has it.

    Args:
        graph: the graph file.
        network: 'detector', 'full' or 'lite'.

    Raises:
        DataError: the file is missing or another one.
    """
    try:
        content = graph.read_bytes()
    except OSError as error:
        raise DataError(f"{graph}: cannot be read ({error.strerror}); give the graph file of BlazePose.") from None
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[network]:
        raise DataError(
            f"{graph}: has SHA-256 {found[:12]}..., but BlazePose's {network} graph has {SHA256[network][:12]}...; "
            f"take it from the package that 'vidzoo convert-blazepose --help' names."
        )
    module = PoseDetector() if network == "detector" else LandmarkNetwork(network)
    names = {layer: name for name, layer in module.named_modules()}
    state = {}
    for layer, (weight, bias) in zip(module.convolutions(), read_convolutions(content), strict=True):
        state[f"{names[layer]}.weight"] = weight
        state[f"{names[layer]}.bias"] = bias
    module.load_state_dict(state)  # raises where names or shapes differ
    return state


def read_convolutions(content: bytes) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield weight [O, I / groups, k, k] and bias [O] of the convolutions of a TFLite graph, in its order, float16."""
    model = tflite.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    made_by = {}
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        inputs = [int(tensor) for tensor in operator.InputsAsNumpy()]
        if kind in (tflite.BuiltinOperator.DEQUANTIZE, tflite.BuiltinOperator.DENSIFY):
            made_by[int(operator.Outputs(0))] = inputs[0]
        elif kind in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
            weight, bias = (_constant(model, graph, made_by, tensor) for tensor in inputs[1:])
            # TFLite: [O, k, k, I], and [1, k, k, C] where each channel has a kernel
            order = (0, 3, 1, 2) if kind == tflite.BuiltinOperator.CONV_2D else (3, 0, 1, 2)
            yield torch.from_numpy(weight.transpose(order).copy()), torch.from_numpy(bias)


def _constant(model: tflite.Model, graph: tflite.SubGraph, made_by: dict[int, int], tensor: int) -> np.ndarray:
    while tensor in made_by:
        tensor = made_by[tensor]
    entry = graph.Tensors(tensor)
    shape = entry.ShapeAsNumpy()
    values = np.frombuffer(model.Buffers(entry.Buffer()).DataAsNumpy().tobytes(), np.float16)
    if entry.Sparsity() is None:
        return values.reshape(shape).copy()
    return _dense(values, shape, entry.Sparsity().DimMetadata(entry.Sparsity().DimMetadataLength() - 1))


def _dense(values: np.ndarray, shape: np.ndarray, columns: tflite.DimensionMetadata) -> np.ndarray:
    """Return the dense tensor of values in rows whose last axis is compressed, as all of the detector's are."""
    starts, indices = (_vector(columns, part) for part in ("ArraySegments", "ArrayIndices"))
    dense = np.zeros((int(np.prod(shape[:-1])), int(shape[-1])), np.float16)
    dense[np.repeat(np.arange(len(dense)), np.diff(starts)), indices] = values
    return dense.reshape(shape)


def _vector(columns: tflite.DimensionMetadata, part: str) -> np.ndarray:
    vectors = {
        tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
        tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
        tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
    }
    table = getattr(columns, part)()
    vector = vectors[getattr(columns, f"{part}Type")()]()
    vector.Init(table.Bytes, table.Pos)
    return vector.ValuesAsNumpy().astype(np.int64)
