"""Add the long s and the oblique hyphen to blackletter web fonts that lack them."""

from __future__ import annotations

_LONG_S, _OBLIQUE_HYPHEN = 0x17F, 0x2E17


def complete(font) -> None:
    """Add both characters to a TrueType `fontTools.ttLib.TTFont` that lacks them.

    The long s is the f without the right half of its bar. The double hyphen is the font's own
    hyphen if that has two strokes.
    """
    names = font.getBestCmap()
    added = {}
    if _LONG_S not in names:
        letter = _path(font, names[ord("f")])
        added[_LONG_S] = "longs"
        _add(font, "longs", names[ord("f")], _without_bar(letter, _path(font, names[ord("x")])))
    hyphen = names[ord("-")]
    if _OBLIQUE_HYPHEN not in names and font["glyf"][hyphen].numberOfContours == 2:
        added[_OBLIQUE_HYPHEN] = "uni2E17"
        _add(font, "uni2E17", hyphen, _path(font, hyphen))
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap.update(added)


def _add(font, name: str, model: str, path) -> None:
    """Add a glyph from a skia.Path in font units with y up, as wide as the `model` glyph."""
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    _draw(path, pen)
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    font["glyf"][name] = pen.glyph()
    font["hmtx"][name] = font["hmtx"][model]


def _without_bar(letter, x):
    """Remove from an f (a skia.Path, y up) what is right of its stem and not above the x-height."""
    import skia

    box, top = letter.computeTightBounds(), x.computeTightBounds().bottom()
    band = skia.Path()
    band.addRect(skia.Rect.MakeLTRB(box.left(), 0.4 * top, box.right(), 0.6 * top))
    stem = skia.Op(letter, band, skia.PathOp.kIntersect_PathOp).computeTightBounds().right()
    right = skia.Path()
    right.addRect(skia.Rect.MakeLTRB(stem, 0.0, box.right() + 1, 1.06 * top))
    return skia.Op(letter, right, skia.PathOp.kDifference_PathOp)


def _path(font, name: str):
    """Return a glyph as a skia.Path in font units, y up."""
    import skia
    from fontTools.pens.basePen import BasePen

    path = skia.Path()
    glyphs = font.getGlyphSet()

    class Pen(BasePen):
        def _moveTo(self, point):
            path.moveTo(*point)

        def _lineTo(self, point):
            path.lineTo(*point)

        def _qCurveToOne(self, control, point):
            path.quadTo(*control, *point)

        def _closePath(self):
            path.close()

    glyphs[name].draw(Pen(glyphs))
    return path


def _draw(path, pen) -> None:
    """Draw a skia.Path of lines and quadratic curves with a fontTools pen."""
    import skia

    for verb, points in path:
        ends = [(round(point.x()), round(point.y())) for point in points]
        if verb == skia.Path.kMove_Verb:
            pen.moveTo(ends[0])
        elif verb == skia.Path.kLine_Verb:
            pen.lineTo(ends[1])
        elif verb == skia.Path.kQuad_Verb:
            pen.qCurveTo(ends[1], ends[2])
        elif verb == skia.Path.kClose_Verb:
            pen.closePath()
