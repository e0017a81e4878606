"""PP-OCRv6's published detectors (Apache-2.0) as `DBNet`s, from their ONNX files."""

from __future__ import annotations

from pathlib import Path

from isotrope.ocr.detection.db.model import DBNet, DBNetConfig
from isotrope.ocr.onnx.layers import fill_layers, read_layers


def load_published(path: str | Path) -> DBNet:
    """Load the weights of a published ONNX file into a `DBNet`, in eval mode.

    Weights are taken in the order in which the graph uses them, which matches the modules; batch
    norms are folded into the preceding convolutions.

    Args:
        path: `PP-OCRv6_det_small.onnx` or the tiny one.

    Raises:
        ValueError: The file has another architecture.
    """
    layers = read_layers(path)
    small = layers[0][0].shape[0] == DBNetConfig.small().stages[0].dim // 2
    model = DBNet(DBNetConfig.small() if small else DBNetConfig.tiny())
    fill_layers(model, layers, path)
    return model.eval()
