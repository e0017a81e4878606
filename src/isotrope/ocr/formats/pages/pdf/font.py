"""A font of invisible glyphs, in which any text can be written, found and copied."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterator

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib.tables._g_l_y_f import Glyph
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

ASCENT, DESCENT = 0.75, 0.25
"""How far the glyphs go above and below their baseline, in units of the font size."""

_UNITS = 1000  # per font size
_NARROWEST = 0.05  # of the glyphs' widths, in units of the font size
_STEPS = 5  # glyphs' widths per doubling: none is off by more than 7%
_WIDTHS = 32  # the widest glyph is 64 times as wide as it is high
_MOST = 0xFFFE  # characters of different width in a PDF
_CREATED = 0xE000_0000  # seconds since 1904; the same file each time
_ENTRIES = 100  # the most in a list of a CMap
_OTHER = "\ufffd"


class InvisibleFont:
    """The font of a PDF. A character of some width gets a code when it is first written.

    Codes rather than Unicode: two bytes each, for characters beyond U+FFFF too. The font says which
    character a code stands for, and has glyphs of several widths, so that programs mark a text
    where it stands.
    """

    def __init__(self) -> None:
        self._codes: dict[tuple[str, int], int] = {}

    def code(self, character: str, width: float) -> tuple[int, float]:
        """Return the code of a character, and the width of its glyph, which is about `width`.

        Args:
            width: In units of the font size.
        """
        steps = round(_STEPS * math.log2(max(width, _NARROWEST) / _NARROWEST))
        steps = min(steps, _WIDTHS - 1)
        if "\ud800" <= character <= "\udfff" or len(self._codes) == _MOST:
            character = _OTHER
        code = self._codes.setdefault((character, steps), len(self._codes) + 1)
        return code, _width(steps) / _UNITS

    def put_into(self, pdf: Pdf, font: Object) -> None:
        """Fill in the font's dictionary, after all text was written.

        Args:
            pdf: The PDF.
            font: An empty indirect dictionary in it, to which pages refer already.
        """
        name = Name("/Isotrope-Invisible")
        file = _true_type()
        bottom, top = _extent()
        descriptor = Dictionary(
            Type=Name.FontDescriptor,
            FontName=name,
            Flags=4,  # has characters beyond Latin ones
            FontBBox=Array([0, bottom, _width(_WIDTHS - 1), top]),
            ItalicAngle=0,
            Ascent=top,
            Descent=bottom,
            CapHeight=top,
            StemV=80,
            FontFile2=Stream(pdf, file, Length1=len(file)),
        )
        glyphs = b"\0\0" + b"".join(
            (steps + 1).to_bytes(2, "big")
            for _, steps in self._codes  # after .notdef
        )
        widths = [1, Array(_width(steps) for _, steps in self._codes)] if self._codes else []
        descendant = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=name,
            CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
            FontDescriptor=pdf.make_indirect(descriptor),
            DW=_width(0),
            W=Array(widths),
            CIDToGIDMap=Stream(pdf, zlib.compress(glyphs), Filter=Name.FlateDecode),
        )
        font.update(
            Dictionary(
                Type=Name.Font,
                Subtype=Name.Type0,
                BaseFont=name,
                Encoding=Name("/Identity-H"),
                DescendantFonts=Array([pdf.make_indirect(descendant)]),
                ToUnicode=Stream(pdf, self._to_unicode()),
            )
        )

    def _to_unicode(self) -> bytes:
        """The table from codes to characters."""
        entries = [
            f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>"
            for (character, _), code in self._codes.items()
        ]
        return "\n".join([*_CMAP_HEAD, *_lists(entries), *_CMAP_END]).encode()


_CMAP_HEAD = (
    "/CIDInit /ProcSet findresource begin",
    "12 dict begin",
    "begincmap",
    "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
    "/CMapName /Adobe-Identity-UCS def",
    "/CMapType 2 def",
    "1 begincodespacerange",
    "<0000> <FFFF>",
    "endcodespacerange",
)
_CMAP_END = ("endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end")


def _lists(entries: list[str]) -> Iterator[str]:
    """The lists of a CMap, none of them too long."""
    for start in range(0, len(entries), _ENTRIES):
        some = entries[start : start + _ENTRIES]
        yield from (f"{len(some)} beginbfchar", *some, "endbfchar")


def _width(steps: int) -> int:
    """The width of a glyph, in the font's units."""
    return round(_UNITS * _NARROWEST * 2 ** (steps / _STEPS))


def _extent() -> tuple[int, int]:
    """The bottom and the top of the glyphs, in the font's units."""
    return round(-DESCENT * _UNITS), round(ASCENT * _UNITS)


def _true_type() -> bytes:
    """Build the font file: .notdef, then a glyph of each width."""
    builder = FontBuilder(_UNITS, isTTF=True)
    bottom, top = _extent()
    widths = {".notdef": _width(0)} | {f"blank{i}": _width(i) for i in range(_WIDTHS)}
    builder.setupGlyphOrder(list(widths))
    builder.setupCharacterMap({})
    builder.setupGlyf({name: _glyph(width, bottom, top) for name, width in widths.items()})
    builder.setupHorizontalMetrics({name: (width, 0) for name, width in widths.items()})
    builder.setupHorizontalHeader(ascent=top, descent=bottom)
    builder.setupNameTable({"familyName": "Isotrope Invisible", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=top, sTypoDescender=bottom)
    builder.setupPost()
    builder.updateHead(created=_CREATED, modified=_CREATED)
    builder.font.recalcTimestamp = False
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()


def _glyph(width: int, bottom: int, top: int) -> Glyph:
    """A glyph with an extent, which programs mark when they find it, but no area to fill."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, bottom))
    pen.lineTo((width, top))
    pen.closePath()
    return pen.glyph()
