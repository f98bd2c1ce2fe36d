"""Writes the shipped recogniser as the three files of an EasyOCR network: NAME.py, NAME.yaml and NAME.pth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from controller.errors import ReaderError
from models.engines import easyocr_network

LANGUAGES = ("ch_sim", "en")
"""EasyOCR's codes of the languages whose characters stand on a plate."""


def write_network(folder: Path, model: bytes, section: Mapping[str, Any]) -> str:
    """Write an ONNX recogniser's files into a folder and return the network's name, which is unique to the weights.

    section: the manifest's section "recogniser". With user_network_directory and model_storage_directory at the folder
    any EasyOCR loads it. Raises ReaderError for a graph with operators that models.engines.easyocr_network lacks.
    """
    name = f"greenlane_{hashlib.sha256(model).hexdigest()[:12]}"
    graph = _graph(model)
    weights, nodes = _parts(graph)
    size = section["input"]
    settings = {
        "imgH": size["height"],
        "lang_list": list(LANGUAGES),
        "character_list": section["alphabet"],
        "network_params": {
            "size": [size["height"], size["width"]],
            "mean": size["mean"],
            "scale": size["scale"],
            "nodes": nodes,
            "tensors": {
                key: {"shape": list(tensor.shape), "type": str(tensor.dtype).removeprefix("torch.")}
                for key, tensor in weights.items()
            },
            "entry": graph.input[0].name,
            "exit": graph.output[0].name,
        },
    }
    # YAML 1.2 takes JSON as it is
    (folder / f"{name}.yaml").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    (folder / f"{name}.py").write_bytes(Path(easyocr_network.__file__).read_bytes())
    torch.save({f"module.{key}": tensor for key, tensor in weights.items()}, folder / f"{name}.pth")
    return name


def _graph(model: bytes) -> Any:
    try:
        loaded = onnx.load_from_string(model)
        onnx.checker.check_model(loaded)
    except Exception as error:  # protobuf's own and onnx's have no common, typed base
        raise ReaderError(f"This is not an ONNX network: {error}") from error
    return loaded.graph


def _parts(graph: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The weights by names that a buffer may have, and the nodes that are left to run."""
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    left = []
    for node in graph.node:
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            arrays[node.output[0]] = onnx.numpy_helper.to_array(attributes["value"])
        elif node.op_type == "Cast" and node.input[0] in arrays:
            kind = onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])
            arrays[node.output[0]] = arrays[node.input[0]].astype(kind)
        else:
            left.append((node, attributes))
    unknown = {node.op_type for node, _ in left} - set(easyocr_network.OPERATORS)
    if unknown:
        raise ReaderError(f"EasyOCR cannot run this recogniser: no operator {', '.join(sorted(unknown))}.")
    used = {name for node, _ in left for name in node.input}
    safe = {name: f"w{number}" for number, name in enumerate(name for name in arrays if name in used)}
    weights = {new: torch.from_numpy(np.array(arrays[old])) for old, new in safe.items()}
    nodes = [
        {
            "op": node.op_type,
            "inputs": [safe.get(name, name) for name in node.input],
            "output": node.output[0],
            "attributes": _plain(attributes),
        }
        for node, attributes in left
    ]
    return weights, nodes


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if hasattr(value, "__len__") else value for key, value in attributes.items()}
