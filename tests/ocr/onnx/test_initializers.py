"""Weights redeclared in a graph, against the onnx package."""

import pytest

from isotrope.ocr.loading import shipped
from isotrope.ocr.onnx.initializers import redeclared
from isotrope.ocr.onnx.session import GRAPH

onnx = pytest.importorskip("onnx", reason="graphs are made and checked with the onnx package")


def test_only_the_named_weights_change():
    before = (shipped("tiny") / GRAPH).read_bytes()
    after = onnx.load_from_string(redeclared(before, {"head.weight.half": (70_000, 80)}))
    expected = onnx.load_from_string(before)
    (head,) = [i for i in expected.graph.initializer if i.name == "head.weight.half"]
    head.data_type = onnx.TensorProto.FLOAT
    head.dims[0] = 70_000
    assert after == expected
    assert redeclared(before, {}) == before


def test_a_weight_that_is_not_there_or_no_graph_is_an_error():
    before = (shipped("tiny") / GRAPH).read_bytes()
    with pytest.raises(ValueError, match="there is no weight nose"):
        redeclared(before, {"nose": (1,)})
    with pytest.raises(ValueError, match="it is no protocol buffer"):
        redeclared(b"\x07no", {})
