"""The graph is the network, from the same weights, and its folder survives."""

import numpy as np
import pytest
import torch

from isotrope.io.resize import turn
from isotrope.ocr.detection import make_detector
from isotrope.ocr.detection.linenet.planes import PlanesNet
from isotrope.ocr.detection.linenet.session import LineNetDetector
from isotrope.ocr.detection.linenet.store import load_line_net, save_line_net
from isotrope.ocr.onnx.session import run

from .drawing import turned_field
from .test_model import SMALL, pixels, random_net


def flat(maps):
    core, end, arrow, height = maps
    return torch.cat([core[:, None], end[:, None], arrow, height[:, None]], 1)


def test_planes_are_the_same_network():
    net, page = random_net(), pixels(48, 80)
    with torch.no_grad():
        torch.testing.assert_close(PlanesNet(net)(page), flat(net(page)), rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("linenet")
    save_line_net(random_net(), path)
    return path


def test_torch_and_onnxruntime_agree(folder):
    net = load_line_net(folder)
    assert net.config == SMALL
    assert not net.training
    page = pixels(48, 80).float()
    with torch.no_grad():
        expected = flat(net(page)).numpy()
    detector = LineNetDetector(folder)
    assert detector.unit == SMALL.unit
    (out,) = run(detector.session, {"pixels": page.numpy()})
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-4)


def test_the_detector_has_a_name(folder):
    detector = make_detector("isotrope", path=folder, threads=1)
    assert isinstance(detector, LineNetDetector)
    assert detector.name == "isotrope"
    maps = detector.maps(np.full((50, 70, 3), 255, np.uint8))
    assert maps.core.shape == (24, 32)  # 48 x 64 px, the multiples of 16 next to it
    assert maps.arrow.shape == (2, 24, 32)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_maps_of_a_turned_image_are_the_turned_maps(folder, degrees):
    """From bytes, through resizing and onnxruntime, in float32."""
    detector = LineNetDetector(folder, threads=1)
    page = np.random.default_rng(0).integers(0, 256, (75, 109, 3), dtype=np.uint8)
    expected = turned_field(detector.maps(page), degrees)
    found = detector.maps(turn(page, degrees))
    for got, wanted in zip(vars(found).values(), vars(expected).values(), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)
    assert np.ptp(found.core) > 1e-3
    assert np.ptp(found.arrow) > 1e-3


def test_a_folder_of_another_model_is_refused(tmp_path, folder):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="not that of an equivariant detector; give the folder"):
        LineNetDetector(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="not an equivariant detector"):
        load_line_net(tmp_path)
