"""The line recognizer as a torch module and as a graph."""

import shutil

import numpy as np
import pytest
import torch

from isotrope.ocr.recognition.constants import HEIGHT, STRIDE
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig
from isotrope.ocr.recognition.session import STRETCH, LineSession, line_pixels
from isotrope.ocr.recognition.store import load_model, save_model

CHARSET = "abcdefghij "


@pytest.fixture(params=["small", "tiny"])
def model(request):
    torch.manual_seed(0)
    return LineRecognizer(getattr(LineRecognizerConfig, request.param)(CHARSET)).eval()


@pytest.fixture(scope="module", params=["small", "tiny"])
def folder(request, tmp_path_factory):
    torch.manual_seed(0)
    model = LineRecognizer(getattr(LineRecognizerConfig, request.param)(CHARSET))
    save_model(model, folder := tmp_path_factory.mktemp("model"))
    return folder


@pytest.mark.parametrize("columns", [2, 5, 13, 40])
def test_a_column_is_eight_pixels(model, columns):
    with torch.inference_mode():
        logits = model(torch.rand(2, 3, HEIGHT, columns * STRIDE))
    assert logits.shape == (2, columns, len(CHARSET) + 1)


def test_every_parameter_gets_a_gradient(model):
    model(torch.rand(2, 3, HEIGHT, 96)).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_the_configuration_is_its_dictionary():
    config = LineRecognizerConfig.small(CHARSET)
    assert LineRecognizerConfig.from_dict(config.to_dict()) == config


def test_the_graph_computes_what_torch_does(folder):
    pixels = torch.rand(3, 3, HEIGHT, 26 * STRIDE) * 2 - 1
    (graph,) = LineSession(folder, 1).session.run(None, {"pixels": pixels.numpy()})
    with torch.inference_mode():
        expected = load_model(folder)(pixels).softmax(-1).numpy()
    np.testing.assert_allclose(graph, expected, atol=1e-5)


def test_weights_are_written_once(folder):
    """The graph refers to the safetensors file: it holds no weights of its own."""
    size = {file.name: file.stat().st_size for file in folder.iterdir()}
    assert set(size) == {"config.json", "graph.onnx", "model.safetensors"}
    assert size["graph.onnx"] < size["model.safetensors"] / 10


def test_saving_leaves_the_model_as_it_was(tmp_path):
    model = LineRecognizer(LineRecognizerConfig.tiny(CHARSET))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_model(model, tmp_path)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_broken_folder_is_named(folder, tmp_path):
    folder = shutil.copytree(folder, tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no model that can be loaded"):
        load_model(folder)
    (folder / "graph.onnx").unlink()
    with pytest.raises(ValueError, match=r"graph\.onnx is missing"):
        LineSession(folder)


def test_a_line_reads_the_same_in_any_company(folder):
    rng = np.random.default_rng(0)
    sizes = [(20, 90), (64, 300), (48, 300), (31, 170)]
    lines = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    session = LineSession(folder, 1)
    together = session.read(lines)
    alone = [session.read([line])[0] for line in lines]
    assert [line.text for line in together] == [line.text for line in alone]


def test_long_lines_are_read_in_pieces(folder, monkeypatch):
    rng = np.random.default_rng(1)
    line = rng.integers(0, 256, (48, 2000, 3), np.uint8)
    monkeypatch.setattr("isotrope.ocr.recognition.session.WIDEST", 640)
    read = LineSession(folder, 1).read([line])[0]
    assert read.length >= 2000 // STRIDE
    assert len(read.text) == len(read.confidences) == len(read.columns)


def test_a_doubtful_word_is_read_once_more_and_the_likelier_text_kept(folder, monkeypatch):
    rng = np.random.default_rng(2)
    word, line = (rng.integers(0, 256, (48, width, 3), np.uint8) for width in (150, 600))
    session = LineSession(folder, 1)
    monkeypatch.setattr("isotrope.ocr.recognition.ctc.NOTHING", 1.0)
    monkeypatch.setattr("isotrope.ocr.recognition.session.SURE", 0.0)
    once = session.decoded([word, line])
    monkeypatch.setattr("isotrope.ocr.recognition.session.SURE", 2.0)
    twice = session.decoded([word, line])
    (stretched,) = session._decoded([word], 32, STRETCH)
    assert twice[1] == once[1]  # a long line is read once
    assert twice[0].confidence == max(once[0].confidence, stretched.confidence)
    assert twice[0].length == once[0].length
    assert all(0 <= left <= right <= 1 for left, right in twice[0].places)


def test_there_is_a_margin_to_the_right_of_every_line():
    for width in range(60, 100):
        pixels = line_pixels(np.full((48, width, 3), 255, np.uint8))
        assert (pixels[:, :, :width] == 1).all()
        assert (pixels[:, :, width:] == 0).all()
        assert pixels.shape[2] >= width + 2 * STRIDE
