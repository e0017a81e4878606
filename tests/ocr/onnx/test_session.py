"""What `open_graph` says of a broken model."""

import shutil

import pytest

from isotrope.ocr.loading import shipped
from isotrope.ocr.onnx.session import WEIGHTS, open_graph


def test_a_broken_model_is_an_error_and_nothing_is_printed(tmp_path, capfd):
    shutil.copytree(shipped("tiny"), tmp_path / "model")
    weights = tmp_path / "model" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"model: cannot be loaded .*; copy it again"):
        open_graph(tmp_path / "model")
    assert capfd.readouterr() == ("", "")
