"""Lines packed for another machine are those that `isotrope adapt` takes there."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("lightning", reason="reports come with training")

from isotrope.data.lines import LabeledLines

FILE = Path(__file__).parents[2] / "recipes/gpu/pack_adapters.py"


@pytest.fixture(scope="module")
def packing():
    spec = importlib.util.spec_from_file_location("pack_adapters", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lines_are_packed_small_in_their_order_with_their_labels(packing, tmp_path):
    for number, color in enumerate(("navy", "beige")):
        Image.new("RGB", (120 + 60 * number, 40), color).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"broken")
    (tmp_path / "labels.tsv").write_text("0.png\tone\n1.png\ttwo\n2.png\tgone\n")
    lines = LabeledLines(tmp_path)
    assert packing.pack_lines(lines, tmp_path / "few.tar", height=20, quality=90) == 2
    packed = LabeledLines(tmp_path / "few.tar")
    assert [text for _, text in packed.items] == ["one", "two"]
    for number in range(2):
        assert packed[number][0].shape[1] == 20
        assert packed.ratio(number) == pytest.approx(lines.ratio(number), rel=0.05)
        assert packed[number][0].mean() == pytest.approx(lines[number][0].mean().item(), abs=0.05)


def test_every_recipe_of_an_adapter_is_packed(packing):
    recipes = (FILE.parents[1] / "adapters").glob("*.toml")
    assert sorted(packing.NAMES) == sorted(path.stem for path in recipes)
