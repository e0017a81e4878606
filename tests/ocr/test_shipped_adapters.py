"""The shipped adapters: small, exact at the four turns, and gone without a trace when off."""

from pathlib import Path

import pytest
import torch

from isotrope import Reader
from isotrope.equivariance import equivariance_error
from isotrope.lora import count_parameters
from isotrope.ocr.loading import SHIPPED

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.png"))
NAMES = ("fraktur", "testaments", "typescript")
TURNS = (0, 90, 180, 270)
PIXELS = torch.rand(2, 3, 32, 72, generator=torch.Generator().manual_seed(0))


@torch.no_grad()  # as in reading: with gradients filters take another path, which rounds otherwise
def tokens(encoder):
    return encoder(pixel_values=PIXELS).last_hidden_state


def test_these_are_all():
    shipped = SHIPPED / "recognizer" / "adapters"
    assert tuple(sorted(path.parent.name for path in shipped.glob("*/base.json"))) == NAMES
    with pytest.raises(ValueError, match="a shipped one's name: fraktur, testaments, typescript"):
        Reader.from_pretrained(adapter="runes", engine="gsanet")


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_is_small_and_says_what_it_scores(name):
    reader = Reader.from_pretrained(adapter=name, engine="gsanet", runtime="torch")
    own, whole = count_parameters(reader.engine.recognizer)
    assert own < 0.02 * whole
    card = (SHIPPED / "recognizer" / "adapters" / name / "README.md").read_text(encoding="utf-8")
    assert f"isotrope read --engine gsanet --adapter {name} IMAGES" in card
    assert f"{own:,}" in card


@pytest.mark.parametrize("name", NAMES)
def test_the_encoder_stays_exact_and_the_texts_the_same_at_four_turns(name):
    reader = Reader.from_pretrained(adapter=name, engine="gsanet", runtime="torch")
    flat = list(reader.stream(SAMPLES, turns=TURNS))
    texts = [[reading.text for reading in flat[4 * i : 4 * i + 4]] for i in range(len(SAMPLES))]
    assert all(len(set(four)) == 1 for four in texts)
    recognizer = reader.engine.recognizer.get_base_model()
    images = torch.rand(1, 3, 40, 64, dtype=torch.float64)
    errors = equivariance_error(recognizer.encoder.double(), images, recognizer.group)
    assert max(errors.values()) < 1e-10


def test_taken_away_they_leave_the_base_bit_for_bit():
    base = Reader.from_pretrained(engine="gsanet", runtime="torch")
    before = tokens(base.engine.recognizer.encoder)
    read_before = base.read(SAMPLES)
    adapted = base.with_adapter("fraktur").with_adapter("typescript")
    apart = tokens(adapted.engine.recognizer.get_base_model().encoder)
    assert (apart - before).abs().max() > 1e-3
    for reader in (base, adapted.with_adapter(None)):
        assert torch.equal(tokens(reader.engine.recognizer.encoder), before)
        assert reader.read(SAMPLES) == read_before


@pytest.mark.parametrize("name", NAMES)
def test_merged_and_unmerged_again_within_rounding(name):
    model = Reader.from_pretrained(engine="gsanet", runtime="torch")
    before = tokens(model.engine.recognizer.encoder)
    adapted = model.with_adapter(name).engine.recognizer
    encoder = adapted.get_base_model().encoder
    apart = tokens(encoder)
    adapted.merge_adapter()
    merged = tokens(encoder)
    torch.testing.assert_close(merged, apart, rtol=0, atol=1e-3)
    adapted.unmerge_adapter()
    with adapted.disable_adapter():
        after = tokens(encoder)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-3)
