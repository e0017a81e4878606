"""Adapters of a TrOCR: which layers they act on, and that the frame holds with any of them."""

import numpy as np
import pytest
import torch

from isotrope.lora import add_adapter, target_names
from isotrope.ocr.engines.trocr import TrOCR
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS
from isotrope.ocr.trocr.loading import load_trocr

LAYOUTS = ["base", "printed", "small", "again"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_attention_and_mlp_of_both_halves_are_adapted(trocr, layout):
    model = load_trocr(trocr(layout))
    names = target_names(model, "all")
    assert sum(name.startswith("encoder.") for name in names) == 2 * (4 + 2)
    assert sum(name.startswith("decoder.") for name in names) == 2 * (8 + 2)
    assert len(names) == 32
    only = target_names(model, "qv")
    assert len(only) == 2 * 2 + 2 * 4
    assert {name.rpartition(".")[2] for name in only} <= {"q_proj", "v_proj", "query", "value"}
    assert target_names(model, "encoder.qv, decoder.qv") == only


def shaken(model, scale):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_" in name:
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval()


@pytest.mark.parametrize("half", ["encoder", "decoder", "qv"])
@pytest.mark.parametrize("layout", ["base", "small"])
def test_any_adapter_leaves_the_text_at_four_turns_the_same(trocr, layout, half):
    engine = TrOCR(load_trocr(trocr(layout)))
    model = shaken(add_adapter(load_trocr(trocr(layout)), half, rank=3), 0.1)
    adapted = TrOCR(model)
    rng = np.random.default_rng(0)
    shades = [(0, 90), (160, 256), (0, 256)]
    lines = [rng.integers(*shade, (20, 60, 3), np.uint8) for shade in shades]
    reader = Reader(adapted)
    for line in lines:
        four = list(reader.stream([line], turns=TURNS))
        assert len({reading.text for reading in four}) == 1
    # Without the frame the turns are read differently, and the adapter does change the text.
    turned = [np.ascontiguousarray(np.rot90(line, k)) for line in lines for k in range(4)]
    alone = [line.text for line in adapted.read(turned)]
    assert any(len(set(alone[i : i + 4])) > 1 for i in range(0, len(alone), 4))
    assert alone != [line.text for line in engine.read(turned)]
