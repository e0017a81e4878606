"""The picture of a log: nothing for a point, and columns that come later."""

from PIL import Image

from isotrope.training.curve import draw_log

ROWS = [
    {"examples": 10, "train_loss": 2.0, "cer": 0.5},
    {"examples": 20, "train_loss": 1.0, "cer": 0.4, "late_cer": 0.9},
    {"examples": 30, "train_loss": 0.5, "cer": 0.3, "late_cer": 0.8},
]
PANELS = {"loss": ["train_loss"], "score": ["cer", "late_cer"], "nothing": ["other"]}


def test_each_panel_with_columns_is_drawn(tmp_path):
    draw_log(ROWS, PANELS, tmp_path / "two.png")
    draw_log(ROWS, {"loss": ["train_loss"]}, tmp_path / "one.png")
    widths = {}
    for name in ("one", "two"):
        with Image.open(tmp_path / f"{name}.png") as image:
            widths[name] = image.width
    assert widths["two"] == 2 * widths["one"]


def test_a_point_is_no_curve(tmp_path):
    draw_log(ROWS[:1], PANELS, tmp_path / "curve.png")
    draw_log([], PANELS, tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()
