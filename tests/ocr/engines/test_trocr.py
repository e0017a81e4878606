"""Any TrOCR folder as an engine: small random ones, as the published ones are laid out."""

import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from isotrope import cli
from isotrope.io.resize import turn
from isotrope.lora import add_adapter, save_adapter
from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.trocr import TrOCR
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS
from isotrope.ocr.trocr.loading import load_trocr

LAYOUTS = ["base", "printed", "small", "again"]
PAGE = Path(__file__).parents[3] / "samples" / "pages" / "weather-garden.png"


def lines(count, seed=0):
    """Of several sizes, and from dark to light, so that random models read them differently."""
    rng = np.random.default_rng(seed)
    shades = [(0, 90), (160, 256), (0, 256), (60, 200)]
    sizes = [(9 + i, 30 - i, 3) for i in range(count)]
    return [rng.integers(*shades[i % 4], size, np.uint8) for i, size in enumerate(sizes)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reads_the_same_at_four_turns(trocr, layout):
    reader = Reader.from_pretrained(trocr(layout), finder="orbit")
    assert isinstance(reader.engine, TrOCR)
    texts = set()
    for line in lines(3):
        four = list(reader.stream([line], turns=TURNS))
        assert len({reading.text for reading in four}) == 1
        assert all(0 <= reading.confidence <= 1 for reading in four)
        texts.add(four[0].text)
    assert len(texts) > 1


def test_the_engine_alone_reads_a_turned_line_differently(trocr):
    engine = make_engine("trocr", path=trocr())
    upright = engine.read(lines(4))
    turned = engine.read([np.ascontiguousarray(turn(line, 90)) for line in lines(4)])
    assert [line.text for line in upright] != [line.text for line in turned]


def test_a_turned_page_has_the_same_lines(trocr):
    reader = Reader.from_pretrained(trocr(), engine="trocr")
    pixels = np.asarray(load_page())
    pages = list(reader.read_pages([pixels, np.ascontiguousarray(turn(pixels, 90))]))
    first, second = ([line.text for line in page.lines] for page in pages)
    assert first == second
    assert len(first) > 1


def load_page():
    from PIL import Image

    return Image.open(PAGE).convert("RGB").crop((0, 0, 700, 500))


@pytest.mark.parametrize("beams", [1, 3])
def test_a_batch_reads_as_one_by_one(trocr, beams):
    engine = make_engine("trocr", path=trocr(), beams=beams)
    alone = [engine.read([line])[0] for line in lines(4)]
    together = engine.read(lines(4), batch_size=3)
    assert [line.text for line in together] == [line.text for line in alone]
    for one, other in zip(alone, together, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_no_beams_are_those_of_the_folder(trocr):
    (usual,) = make_engine("trocr", path=trocr("again")).read(lines(1))
    (two,) = make_engine("trocr", path=trocr("again"), beams=2).read(lines(1))
    assert usual == two


def test_the_confidence_is_the_geometric_mean_over_the_tokens(trocr):
    engine = make_engine("trocr", path=trocr())
    pixels = engine.model.pixels(lines(1))
    tokens = engine.model.generate(pixels)
    with torch.no_grad():
        logits = engine.model(pixel_values=pixels, decoder_input_ids=tokens[:, :-1]).logits
    log_p = logits.log_softmax(-1).gather(2, tokens[:, 1:, None]).mean()
    (line,) = engine.read(lines(1))
    assert line.confidence == pytest.approx(log_p.exp().item(), rel=1e-3)


def test_a_text_may_be_longer_than_twenty_tokens(trocr):
    engine = make_engine("trocr", path=trocr())
    with torch.no_grad():  # the end is never the likeliest
        engine.model.decoder.output_projection.weight[2] = -10 * torch.ones(16)
    longest = engine.model.generate(engine.model.pixels(lines(1))).shape[1]
    assert longest == engine.model.longest == 24


def test_half_precision(trocr):
    engine = TrOCR.from_pretrained(trocr(), dtype="bfloat16")
    assert engine.model.dtype == torch.bfloat16
    (line,) = engine.read(lines(1))
    assert 0 < line.confidence <= 1
    with pytest.raises(ValueError, match="dtype='int8' is not known; use float32, float16"):
        TrOCR.from_pretrained(trocr(), dtype="int8")


def test_nothing_is_asked_of_the_network(trocr, monkeypatch):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert make_engine("trocr", path=trocr("small")).read(lines(1))


@pytest.fixture
def adapter(trocr, tmp_path):
    torch.manual_seed(1)
    adapted = add_adapter(load_trocr(trocr()), ["encoder", "decoder"], rank=2, alpha=64)
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter)
    save_adapter(adapted, tmp_path)
    return tmp_path


def test_an_adapter_changes_what_is_read(trocr, adapter):
    base = make_engine("trocr", path=trocr())
    other = make_engine("trocr", path=trocr(), adapter=adapter)
    assert other.read(lines(3)) != base.read(lines(3))


def test_adapters_are_changed_and_taken_off(trocr, adapter):
    base = Reader.from_pretrained(trocr(), finder="orbit")
    adapted = base.with_adapter(adapter)
    assert adapted.read(lines(3)) != base.read(lines(3))
    assert adapted.with_adapter(None).read(lines(3)) == base.read(lines(3))
    engine = make_engine("trocr", path=trocr(), adapter=adapter)
    assert adapted.engine.read(lines(3)) == engine.read(lines(3))
    half = TrOCR.from_pretrained(trocr(), dtype="float16")
    with pytest.raises(ValueError, match=r"in torch\.float16 takes an adapter only when it is loa"):
        half.with_adapter(adapter)


def test_what_is_no_adapter(trocr, tmp_path):
    with pytest.raises(ValueError, match=r"fraktur: no such adapter .* for a TrOCR give a folder"):
        make_engine("trocr", path=trocr(), adapter="fraktur")


def test_beams_are_a_number():
    with pytest.raises(ValueError, match="beams=0 must be 1 or more"):
        TrOCR(None, beams=0)


def test_read_at_the_command_line(trocr, adapter):
    from typer.testing import CliRunner

    where = ["--weights", str(trocr()), "--adapter", str(adapter), "--engine", "trocr", "--turns"]
    image = str(PAGE.parents[1] / "01-page-title.png")
    result = CliRunner().invoke(cli.app, ["read", "--crops", image, *where])
    assert result.exit_code == 0, result.output
    assert "1 of 1" in result.output


def test_a_sum_is_merged_and_taken_off(trocr, adapter):
    base = make_engine("trocr", path=trocr())
    summed = make_engine("trocr", path=trocr(), adapter=f"0.5*{adapter}+0.5*{adapter}")
    ours, theirs = summed.read(lines(3)), base.with_adapter(adapter).read(lines(3))
    assert [line.text for line in ours] == [line.text for line in theirs]
    halved = base.with_adapter(f"0.5*{adapter}")
    assert halved.read(lines(3)) != base.read(lines(3))
    assert halved.with_adapter("none").read(lines(3)) == base.read(lines(3))
    with pytest.raises(ValueError, match="a TrOCR in float16 takes no sum; use float32"):
        make_engine("trocr", path=trocr(), adapter=f"0.5*{adapter}", dtype="float16")
