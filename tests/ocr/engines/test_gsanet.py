"""The engine gsanet around fake and small recognizers: sizes, batches, beams and adapters."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from isotrope.io.images import ImageError
from isotrope.lora import add_adapter, save_adapter
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.gsanet import GSANet
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.gsanet.written import Written
from isotrope.ocr.reader import Reader


class FakeRecognizer:
    """Reads the mean gray of an image as its text."""

    config = SimpleNamespace(image_height=32, image_stride=8, max_ratio=16.0)

    def __init__(self):
        self.batches = []

    def read(self, pixels):
        assert pixels.dtype == torch.float32
        assert torch.is_inference_mode_enabled()
        self.batches.append(tuple(pixels.shape))
        means = pixels.mean((1, 2, 3))
        orientation = 90 if pixels.shape[-2] > pixels.shape[-1] else 0
        texts = [str(round(255 * mean)) for mean in means.tolist()]
        degrees = torch.full((len(pixels),), orientation)
        return Written(texts, means, degrees, [()] * len(pixels))


@pytest.fixture
def reader():
    return Reader(GSANet(FakeRecognizer()))


def plain(grey, width=64, height=32):
    return Image.new("L", (width, height), grey)


def test_mixed_sizes_keep_their_order(reader):
    rng = np.random.default_rng(0)
    sizes = rng.integers(20, 200, (250, 2))
    images = [plain(grey, int(w), int(h)) for grey, (w, h) in enumerate(sizes)]
    readings = reader.read((image for image in images), batch_size=4)
    assert [reading.text for reading in readings] == [str(grey) for grey in range(250)]
    assert [r.orientation for r in readings] == [
        90 if h > w and shape_is_tall(w, h) else 0 for w, h in sizes
    ]


def shape_is_tall(width, height):
    """Whether the prepared image is taller than wide: nearly square ones become square."""
    return round(height * 4 / width + 1e-9) > 4


def test_batches_hold_one_size_and_no_more_than_asked(reader):
    reader.read([plain(1, 64), plain(2, 96)] * 30, batch_size=8)
    counts = [(count, width) for count, _, _, width in reader.engine.recognizer.batches]
    assert counts == [*[(8, 64)] * 3, (6, 64), *[(8, 96)] * 3, (6, 96)]


def test_turns(reader):
    image = np.zeros((32, 64), np.uint8)
    image[0, 0] = 255
    seen = []
    read = reader.engine.recognizer.read
    reader.engine.recognizer.read = lambda pixels: seen.extend(pixels.clone()) or read(pixels)
    readings = list(reader.stream([image, plain(9)], turns=(0, 90, 180, 270)))
    assert [r.text for r in readings[4:]] == ["9"] * 4
    assert [r.orientation for r in readings[4:]] == [0, 90, 0, 90]
    corners = {tuple(p[0].shape): [] for p in seen}
    for pixels in seen:
        corners[tuple(pixels[0].shape)] += [divmod(int(pixels[0].argmax()), pixels.shape[-1])]
    assert corners[32, 64][0] == (0, 0)
    assert corners[64, 32][0] == (63, 0)  # counter-clockwise: top left goes to bottom left
    with pytest.raises(ValueError, match=r"turns=\(45,\) must be multiples of 90"):
        reader.stream([image], turns=(45,))


def test_errors_name_the_file_or_the_place(reader, tmp_path):
    plain(0, 1, 1).save(tmp_path / "dot.png")
    plain(0, 20000, 48).save(tmp_path / "line.png")
    with pytest.raises(ImageError, match=r"dot\.png: 1x1 px: too small"):
        reader.read(tmp_path / "dot.png")
    with pytest.raises(ImageError, match=r"line\.png: 20000x48 px is 416\.7 times longer than"):
        reader.read(tmp_path / "line.png")
    with pytest.raises(ImageError, match=r"^images\[1\]: 1x1 px: too small"):
        reader.read([plain(0), plain(0, 1, 1)])
    with pytest.raises(ImageError, match=r"^images\[0\]: an array of shape"):
        reader.read(np.zeros((1, 2, 3, 4)))
    failed = list(reader.stream(plain(0, 1, 1), on_error="return", turns=(0, 90)))
    assert [type(result) for result in failed] == [ImageError] * 2


class Followed(nn.Module):
    """Tells with how many beams it was asked to read."""

    config = SimpleNamespace(image_height=32, image_stride=8, max_ratio=16)

    def read(self, pixels, beams=1):
        count = len(pixels)
        degrees = torch.zeros(count, dtype=torch.long)
        return Written([str(beams)] * count, torch.ones(count), degrees, [()] * count)


def test_several_texts_are_followed_where_an_adapter_acts(tmp_path):
    image = torch.rand(3, 32, 64)
    assert [Reader(GSANet(Followed(), beams=n)).read(image)[0].text for n in (None, 1, 3)] == list(
        "113"
    )
    with pytest.raises(ValueError, match="beams=0 must be 1 or more"):
        GSANet(Followed(), beams=0)
    save_adapter(add_adapter(tiny_recognizer(), "all", rank=2), tmp_path)
    engine = GSANet(tiny_recognizer()).with_adapter(tmp_path)
    engine.recognizer.get_base_model().read = Followed().read
    assert Reader(engine).read(image)[0].text == "4"
    assert Reader(GSANet(engine.recognizer, beams=2)).read(image)[0].text == "2"


def tiny_recognizer():
    torch.manual_seed(0)
    stages = [Stage("gsa", 1, 16, 2, encoding="rotary")]
    vit = EquivariantViTConfig("C4", patch=(8, 8, 0), stages=stages)
    return Recognizer.from_config(vit, dim=16, layers=1, heads=2).eval()


def reader_of(path, adapter=None):
    return Reader.from_pretrained(path, adapter, engine="gsanet", runtime="torch")


def test_it_needs_no_finder():
    engine = make_engine(GSANet(FakeRecognizer()))
    reader = Reader(engine)
    assert engine.equivariant
    assert reader.finder is None


def test_readers_with_other_adapters_share_the_base(tmp_path):
    tiny_recognizer().save_pretrained(tmp_path / "base")
    for seed, name in enumerate(("rune", "ogham")):
        torch.manual_seed(seed)
        adapted = add_adapter(Recognizer.from_pretrained(tmp_path / "base"), "all", rank=2)
        for key, parameter in adapted.named_parameters():
            if ".lora_" in key:
                torch.nn.init.normal_(parameter)
        save_adapter(adapted, tmp_path / name)
    image = torch.rand(3, 32, 64)
    alone = [
        reader_of(tmp_path / "base", adapter).read(image)
        for adapter in (None, tmp_path / "rune", tmp_path / "ogham")
    ]
    assert len({str(readings) for readings in alone}) == 3
    reader = reader_of(tmp_path / "base", tmp_path / "rune")
    readers = [reader.with_adapter(a) for a in (None, tmp_path / "rune", tmp_path / "ogham")]
    assert [other.read(image) for other in readers] == alone
    assert reader.read(image) == alone[1]  # left as it was
    places = {base_weight(other).data_ptr() for other in [reader, *readers]}
    assert len(places) == 1
    assert base_weight(reader).requires_grad is False
    (tmp_path / "ogham").rename(tmp_path / "train")  # a module has `train` already
    renamed = reader_of(tmp_path / "base", tmp_path / "train")
    assert renamed.read(image) == [replace(alone[2][0], adapter="train")]
    with pytest.raises(ValueError, match="gothic: no such adapter"):
        reader.with_adapter("gothic")
    with pytest.raises(ValueError, match="onnxruntime has its adapter merged"):
        GSANet(object()).with_adapter("rune")


def base_weight(reader):
    """The parameter of one adapted layer without its adapter."""
    parameters = reader.engine.recognizer.named_parameters()
    return next(p for n, p in parameters if re.search(r"encoder.*q_proj(\.base_layer)?\.weight", n))


def test_an_engine_is_immutable():
    with pytest.raises(AttributeError):
        GSANet(FakeRecognizer()).beams = 2
