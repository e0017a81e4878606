"""WOFF files of npm packages become TTF files that the scan finds."""

import pytest

pytest.importorskip("skia", reason="fonts are read by skia-python")
pytest.importorskip("fontTools", reason="WOFF is read by fonttools")

import skia
from fontTools.ttLib import TTFont

from isotrope.data.synthetic import fonts
from isotrope.data.synthetic.blackletter import complete
from isotrope.data.synthetic.webfonts import convert


@pytest.fixture
def package(tmp_path):
    """A folder as npm leaves it, with one face of a font of this machine, and a broken one."""
    try:
        files = [file for family in fonts.font_families("train").values() for file in family]
    except FileNotFoundError as error:
        pytest.skip(f"no fonts on this machine: {error}")
    ours = next(file for file in files if file.path.endswith(".ttf"))
    folder = tmp_path / "node_modules" / "@fontsource" / "some" / "files"
    folder.mkdir(parents=True)
    font = TTFont(ours.path)
    font.flavor = "woff"
    font.save(folder / "some-latin-400-normal.woff")
    font.save(folder / "some-greek-400-normal.woff")
    (folder / "some-latin-700-normal.woff").write_bytes(b"no font")
    return tmp_path / "node_modules", ours


def test_the_latin_faces_are_converted(package, tmp_path, caplog):
    folder, ours = package
    assert convert(folder, tmp_path / "out") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["some-latin-400-normal.ttf"]
    assert "some-latin-700-normal.woff is no font" in caplog.text
    found = fonts.scan.__wrapped__((str(tmp_path / "out"),))
    assert [file.family for file in found] == [ours.family]


def test_blackletter_gets_its_long_s_and_its_hyphen(package, tmp_path):
    """The long s is the f without what is right of its stem, up to the height of an x."""
    _, ours = package
    font = TTFont(ours.path)
    for table in font["cmap"].tables:
        table.cmap = {
            code: name for code, name in table.cmap.items() if code not in (0x17F, 0x2E17)
        }
    complete(font)
    font.save(tmp_path / "whole.ttf")
    outlines = fonts.outline_font(fonts.load_typeface(str(tmp_path / "whole.ttf")), 64)
    whole, cut, x = (outlines.getPath(outlines.unicharToGlyph(ord(c))) for c in "fſx")
    top = x.computeTightBounds().top()
    assert cut.computeTightBounds().top() == pytest.approx(whole.computeTightBounds().top(), abs=1)
    assert _right(cut, 0.6 * top, 0.4 * top) == pytest.approx(
        _right(whole, 0.6 * top, 0.4 * top), abs=0.3
    )
    assert _right(cut, top, 0.9 * top) < _right(whole, top, 0.9 * top) - 1


def _right(path, above: float, below: float) -> float:
    """How far right an outline reaches between two heights."""
    box = path.computeTightBounds()
    band = skia.Path()
    band.addRect(skia.Rect.MakeLTRB(box.left() - 1, above, box.right() + 1, below))
    part = skia.Op(path, band, skia.PathOp.kIntersect_PathOp)
    return part.computeTightBounds().right()


def test_a_folder_without_fonts_names_the_remedy(tmp_path):
    with pytest.raises(ValueError, match=r"recipes/fonts-npm\.txt"):
        convert(tmp_path, tmp_path / "out")
