"""FLOPs of DeiT's sizes: those that the documents and recipes give."""

import re
from pathlib import Path

import pytest
import torch

import sizes
from isotrope import EquivariantViT
from isotrope.models.presets import preset
from measuring import gigaflops

REPOSITORY = Path(__file__).parents[2]


def test_flops_are_counted_without_computing(monkeypatch):
    monkeypatch.setattr(sizes, "ROWS", [("gcsa", "C4"), ("vit", "C1")])
    counted = sizes.flops_of("ti")
    model = EquivariantViT(preset("gcsa", "ti", classes=sizes.CLASSES)).eval()
    with torch.inference_mode():
        computed = gigaflops(lambda: model(torch.randn(1, 3, sizes.SIDE, sizes.SIDE)))
    assert counted["gcsa C4"] == computed
    assert counted["vit C1"] == pytest.approx(2.57, abs=0.01)  # DeiT-Ti: 1.3G multiplications


@pytest.mark.slow
def test_the_documented_flops_are_theirs():
    page = (REPOSITORY / "docs/how-to/train-cluster.md").read_text()
    rows = re.findall(r"imagenet-([\w-]+)-(ti|s|b)\.toml` \| [\d.]+M \| ([\d.]+) \| ([\d.]+)", page)
    assert len(rows) == 7
    flops = {size: sizes.flops_of(size) for size in ("ti", "s", "b")}
    for name, size, own, share in rows:
        if name == "vit":
            continue  # with rotary positions
        found = flops[size][f"{name} C4"]
        assert float(own) == pytest.approx(found, abs=0.006)
        assert float(share) == pytest.approx(found / flops[size][sizes.PLAIN], abs=0.006)
