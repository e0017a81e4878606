"""The reader around a fake recogniser, which reads the mean grey of an image as its text."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from isotrope.io.images import ImageError
from isotrope.lora import add_adapter, save_adapter
from isotrope.models.recognizer import Recognizer
from isotrope.models.vit import EquivariantViTConfig, Stage
from isotrope.ocr import reader as reader_module
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import Reading


class FakeRecognizer:
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
        return texts, means, torch.full((len(pixels),), orientation)


@pytest.fixture
def reader():
    return Reader(FakeRecognizer())


def plain(grey, width=64, height=32):
    return Image.new("L", (width, height), grey)


def test_one_image_of_each_kind(reader, tmp_path):
    plain(7).save(tmp_path / "a.png")
    array = np.full((32, 64), 7, np.uint8)
    file = tmp_path / "a.png"
    kinds = [file, str(file), file.read_bytes(), plain(7), array, torch.from_numpy(array)]
    for image in kinds:
        (reading,) = reader.read(image)
        assert reading == Reading("7", pytest.approx(7 / 255), 0)
        assert type(reading.confidence) is float
        assert type(reading.orientation) is int
    assert [reading.text for reading in reader.read(kinds)] == ["7"] * 6
    assert reader.read([]) == []


def test_a_reading_is_a_value():
    assert Reading("a", 0.5, 0) == Reading(text="a", confidence=0.5, orientation=0)
    with pytest.raises(AttributeError):
        Reading("a", 0.5, 0).text = "b"


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
    reader.read([plain(1, 64), plain(2, 96)] * 10, batch_size=8)
    assert reader.recognizer.batches == [
        (8, 3, 32, 64),
        (2, 3, 32, 64),
        (8, 3, 32, 96),
        (2, 3, 32, 96),
    ]


def test_memory_is_bounded(reader):
    opened = 0

    def images():
        nonlocal opened
        for grey in range(1000):
            opened += 1
            yield plain(grey % 256)

    stream = reader.stream(images(), batch_size=2)
    assert opened == 0
    assert next(stream).text == "0"
    assert opened == reader_module.WINDOW * 2


def test_turns(reader):
    image = np.zeros((32, 64), np.uint8)
    image[0, 0] = 255
    seen = []
    read = reader.recognizer.read
    reader.recognizer.read = lambda pixels: seen.extend(pixels.clone()) or read(pixels)
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


def bad_hundred(tmp_path):
    paths = []
    for grey in range(100):
        paths.append(tmp_path / f"{grey}.png")
        plain(grey).save(paths[-1])
    paths[37].write_text("not an image")
    return paths


def test_one_bad_among_a_hundred_raises_by_default(reader, tmp_path):
    with pytest.raises(ImageError, match=r"37\.png: text, not an image"):
        reader.read(bad_hundred(tmp_path))


def test_one_bad_among_a_hundred_stands_in_its_place(reader, tmp_path):
    results = reader.read(bad_hundred(tmp_path), on_error="return")
    assert isinstance(results[37], ImageError)
    assert results[37].source.endswith("37.png")
    del results[37]
    assert [r.text for r in results] == [str(grey) for grey in range(100) if grey != 37]


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


def test_what_is_no_image_is_an_error_in_its_place(reader):
    first, second = reader.read([None, plain(7)], on_error="return")
    assert isinstance(first, ImageError)
    assert str(first).startswith("images[0]: an image of type NoneType: give a path")
    assert second.text == "7"
    with pytest.raises(ImageError, match=r"^images\[0\]: an image of type NoneType"):
        reader.read([None, plain(7)])


def test_bad_arguments(reader):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        reader.read([], batch_size=0)
    with pytest.raises(ValueError, match="on_error='skip' must be 'raise' or 'return'"):
        reader.read([], on_error="skip")


def test_from_pretrained_where_there_is_no_recogniser(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"missing: no recogniser here .* give a folder saved by"):
        Reader.from_pretrained(tmp_path / "missing")
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    with pytest.raises(ValueError, match=r"config\.json is not that of a Recognizer"):
        Reader.from_pretrained(tmp_path)
    for text in ("[]", "not json", '{"architectures": 3}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=r"config\.json is not that of a Recognizer"):
            Reader.from_pretrained(str(tmp_path))
    monkeypatch.setattr(reader_module, "SHIPPED", tmp_path / "weights")
    with pytest.raises(ValueError, match=r"weights.recognizer: no recogniser here"):
        Reader.from_pretrained()


@pytest.fixture
def saved(tmp_path):
    """The folder of a small recogniser, sound, to be spoilt."""
    stages = [Stage("conv", 0, 4), Stage("gsa", 1, 16, 2, encoding="rotary", stride=2)]
    vit = EquivariantViTConfig("C4", patch=(4, 2, 1), stages=stages)
    Recognizer.from_config(vit, dim=16, layers=1, heads=2).save_pretrained(tmp_path / "saved")
    assert isinstance(Reader.from_pretrained(tmp_path / "saved").recognizer, Recognizer)
    return tmp_path / "saved"


def refused(folder):
    with pytest.raises(ValueError, match=re.escape(f"{folder}: its ")) as caught:
        Reader.from_pretrained(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_that_do_not_fit_are_refused_by_name(saved):
    file = saved / "model.safetensors"
    whole = load_file(file)
    names = sorted(whole)
    save_file({name: whole[name] for name in names[:-5]}, file)
    message = refused(saved)
    assert f"missing: {', '.join(names[-5:-2])} and 2 more" in message
    assert "give a folder saved by" in message
    save_file({**whole, "stray": torch.zeros(1)}, file)
    assert "(unexpected: stray)" in refused(saved)
    save_file({**whole, names[0]: torch.zeros(2, 3, 5)}, file)
    assert f"(of another shape: {names[0]})" in refused(saved)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda config: config["encoder"]["vit"].update(colour=1), "TypeError: .*colour"),
        (lambda config: config["encoder"]["vit"]["stages"][0].update(mixer="foo"), "Error: .*foo"),
        (lambda config: config["encoder"]["vit"].pop("stages"), "ValueError: .*"),
        (lambda config: config.update(encoder=3), "Error: .*encoder"),
    ],
)
def test_a_broken_config_is_refused(saved, spoil, reason):
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    spoil(config)
    (saved / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert re.search(rf"config\.json is broken \(\w*{reason}", refused(saved))


class TinyRecognizer(nn.Module):
    """Enough of a model for peft to adapt."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(4, 4)

    def read(self, pixels):
        return self.proj(pixels)


@pytest.mark.parametrize("shipped", [False, True])
def test_adapters(tmp_path, monkeypatch, shipped):
    from peft import LoraConfig, get_peft_model

    folder = tmp_path / "adapters" / "fraktur"
    config = LoraConfig(target_modules=["proj"], r=2, init_lora_weights=False)
    get_peft_model(TinyRecognizer(), config).save_pretrained(folder)
    model = TinyRecognizer()
    x = torch.rand(2, 4)
    before = model.read(x)
    monkeypatch.setattr(reader_module, "_load_recognizer", lambda path: model)
    monkeypatch.setattr(reader_module, "SHIPPED", tmp_path)
    recognizer = Reader.from_pretrained(adapter="fraktur" if shipped else folder).recognizer
    assert isinstance(recognizer.get_base_model(), TinyRecognizer)
    assert not recognizer.training
    assert (recognizer.read(x) - before).abs().max() > 1e-3


class Followed(nn.Module):
    """Tells with how many beams it was asked to read."""

    config = SimpleNamespace(image_height=32, image_stride=8, max_ratio=16)

    def read(self, pixels, beams=1):
        count = len(pixels)
        return [str(beams)] * count, torch.ones(count), torch.zeros(count, dtype=torch.long)


def test_several_texts_are_followed_where_an_adapter_acts(tmp_path):
    image = torch.rand(3, 32, 64)
    assert [Reader(Followed(), beams=n).read(image)[0].text for n in (None, 1, 3)] == list("113")
    with pytest.raises(ValueError, match="beams=0 must be 1 or more"):
        Reader(Followed(), beams=0)
    adapted = add_adapter(tiny_recognizer(), "all", rank=2)
    save_adapter(adapted, tmp_path)
    reader = Reader(tiny_recognizer())
    reader.load_adapter(tmp_path, "rune")
    reader.recognizer.get_base_model().read = Followed().read
    assert reader.read(image)[0].text == "4"
    reader.switch(None)
    assert reader.read(image)[0].text == "1"
    reader.switch("rune")
    reader.beams = 2
    assert reader.read(image)[0].text == "2"


def tiny_recognizer():
    torch.manual_seed(0)
    stages = [Stage("gsa", 1, 16, 2, encoding="rotary")]
    vit = EquivariantViTConfig("C4", patch=(8, 8, 0), stages=stages)
    return Recognizer.from_config(vit, dim=16, layers=1, heads=2).eval()


def test_adapters_that_do_not_exist_or_fit(tmp_path, monkeypatch):
    from peft import LoraConfig, get_peft_model

    monkeypatch.setattr(reader_module, "_load_recognizer", lambda path: TinyRecognizer())
    with pytest.raises(
        ValueError, match=r"runes: no such adapter .*no runes.adapter_config.json\); give"
    ):
        Reader.from_pretrained(adapter="runes")
    other = nn.Module()
    other.proj = nn.Linear(8, 8)
    config = LoraConfig(target_modules=["proj"], r=2)
    get_peft_model(other, config).save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="other does not fit this model"):
        Reader.from_pretrained(adapter=tmp_path / "other")


def test_adapters_are_switched(tmp_path):
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
        Reader.from_pretrained(tmp_path / "base", adapter, "torch").read(image)
        for adapter in (None, tmp_path / "rune", tmp_path / "ogham")
    ]
    assert len({str(readings) for readings in alone}) == 3
    reader = Reader.from_pretrained(tmp_path / "base", tmp_path / "rune", "torch")
    reader.load_adapter(tmp_path / "ogham")
    for name, expected in zip((None, "rune", "ogham"), alone, strict=True):
        reader.switch(name)
        assert reader.read(image) == expected
    (tmp_path / "ogham").rename(tmp_path / "train")  # a module has `train` already
    renamed = Reader.from_pretrained(tmp_path / "base", tmp_path / "train", "torch")
    assert renamed.read(image) == alone[2]
    with pytest.raises(ValueError, match="no adapter 'gothic'; there are rune, ogham"):
        reader.switch("gothic")
    with pytest.raises(ValueError, match="onnxruntime has its adapter merged"):
        Reader(object()).switch("rune")
