"""The sheet is a picture of the expected shape that shows the images it is given."""

import numpy as np
import pytest
from PIL import Image

from isotrope.io.images import ImageError
from isotrope.ocr import sheet
from isotrope.ocr.reading import Reading


def test_a_sheet_shows_every_image_and_any_letter(tmp_path):
    colors = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    images = [Image.new("RGB", (90, 30), color) for color in colors]
    texts = ["$x$ œßſ€ «é»", "", "W" * 80]
    readings = [Reading(text, 0.9, turn) for text, turn in zip(texts, (0, 90, 270), strict=True)]
    sheet.draw_sheet(images, readings, tmp_path / "sheet.png", columns=2)
    drawn = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).reshape(-1, 3)
    for color in colors:
        assert (abs(drawn.astype(int) - color).max(1) < 3).sum() > 1000
    assert list(tmp_path.iterdir()) == [tmp_path / "sheet.png"]


def test_other_angles_and_missing_glyphs_are_drawn_in_silence(tmp_path, recwarn):
    readings = [Reading("中文", 0.9, 45), Reading("שלום", 0.9, 450)]
    sheet.draw_sheet([np.zeros((9, 9))] * 2, readings, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").is_file()
    assert not recwarn.list


def test_a_long_list_is_cut_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sheet, "LIMIT", 2)
    assert sheet._caption(5).endswith("; 3 more not drawn")
    assert "not drawn" not in sheet._caption(2)
    opened = []
    images = (opened.append(1) or np.zeros((9, 9)) for _ in range(5))
    sheet.draw_sheet(images, [Reading("a", 1.0, 0)] * 5, tmp_path / "sheet.png")
    assert len(opened) == 2


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="0 readings in 4 columns; both must be at least 1"):
        sheet.draw_sheet([], [], tmp_path / "sheet.png")
    with pytest.raises(ImageError, match="no such file"):
        sheet.draw_sheet([tmp_path / "a.png"], [Reading("a", 1.0, 0)], tmp_path / "sheet.png")
    assert not list(tmp_path.iterdir())
