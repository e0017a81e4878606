import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from isotrope.lora import add_adapter, save_adapter
from isotrope.ocr.loading import shipped
from isotrope.ocr.recognition.session import LineSession, line_pixels
from isotrope.ocr.recognition.store import load_model
from isotrope.ocr.translation.columns import ColumnReader


def line(text):
    image = Image.new("RGB", (24 * len(text) + 40, 64), "white")
    ImageDraw.Draw(image).text((20, 8), text, "black", ImageFont.load_default(40))
    return np.asarray(image)


def test_features_are_those_of_the_torch_model():
    pixels = line_pixels(line("Le chat dort."))[None]
    expected = load_model(shipped("small")).features(torch.from_numpy(pixels)).detach().numpy()
    found = ColumnReader(shipped("small"), threads=1).features(pixels)
    assert np.abs(found - expected).max() < 1e-3 * np.abs(expected).max()


def test_reads_what_the_recognizer_reads_with_a_vector_for_each_character():
    image = line("Le chat dort.")
    found = ColumnReader(shipped("small"), threads=1).read(image)
    (expected,) = LineSession(shipped("small"), threads=1).read([image])
    assert found.read.text == expected.text == "Le chat dort."
    assert found.features.shape == (13, 120)


def test_an_adapter_is_merged(tmp_path):
    torch.manual_seed(0)
    model = add_adapter(load_model(shipped("small")), rank=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.02 * torch.randn_like(parameter).half().float())
    save_adapter(model, tmp_path)
    pixels = line_pixels(line("Le chat dort."))[None]
    found = ColumnReader(shipped("small"), tmp_path, threads=1).features(pixels)
    plain = ColumnReader(shipped("small"), threads=1).features(pixels)
    with torch.inference_mode():
        expected = model.get_base_model().features(torch.from_numpy(pixels)).numpy()
    assert np.abs(found - expected).max() < 1e-2 * np.abs(expected).max()
    assert np.abs(plain - expected).max() > 0.1
