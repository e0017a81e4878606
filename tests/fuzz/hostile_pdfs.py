"""PDF files made to do harm: loops, bombs, absurd sizes. Each is made when it is needed."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import pikepdf

import seeds

FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
HUGE = 30_000  # px


def pdf(objects: dict[int, bytes | str], size: int | None = None, root: str = "1 0 R") -> bytes:
    """A PDF of these objects, as they are."""
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        text = body.encode() if isinstance(body, str) else body
        out += b"%d 0 obj" % number + text + b"endobj\n"
    count = max(objects) + 1
    table = f"xref\n0 {count}\n0000000000 65535 f \n" + "".join(
        f"{places[n]:010} 00000 n \n" if n in places else "0000000000 00000 f \n"
        for n in range(1, count)
    )
    end = f"trailer<</Size {size or count}/Root {root}>>\nstartxref\n{len(out)}\n%%EOF"
    return bytes(out) + (table + end).encode()


def stream(content: bytes, entries: str = "") -> bytes:
    """A stream object."""
    return f"<<{entries}/Length {len(content)}>>stream\n".encode() + content + b"\nendstream"


def page(
    content: bytes = b"",
    resources: str = "",
    box: str = "0 0 200 100",
    more: str = "",
    objects: dict[int, bytes | str] | None = None,
) -> bytes:
    """A PDF of one page; further objects have numbers from 5."""
    return pdf(
        {
            1: "<</Type/Catalog/Pages 2 0 R>>",
            2: "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            3: f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R"
            f"/Resources<</Font<</F {FONT}>>{resources}>>{more}>>",
            4: stream(content),
            **(objects or {}),
        }
    )


def form(content: bytes, resources: str = "", box: str = "0 0 200 100") -> bytes:
    """A form."""
    return stream(content, f"/Type/XObject/Subtype/Form/BBox[{box}]/Resources<<{resources}>>")


def laughs(depth: int = 12, times: int = 10) -> bytes:
    """Forms that draw forms: `times ** depth` rectangles."""
    forms = {
        5 + level: form(b"/X Do " * times, f"/XObject<</X {6 + level} 0 R>>")
        for level in range(depth)
    }
    forms[5 + depth] = form(b"0 0 9 9 re f")
    return page(b"/X Do", "/XObject<</X 5 0 R>>", objects=forms)


def patterns(depth: int = 8) -> bytes:
    """Tilings whose tiles are tiled."""
    tile = "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9"
    objects: dict[int, bytes | str] = {
        5 + level: stream(
            b"/Pattern cs /P scn 0 0 9 9 re f",
            f"{tile}/Resources<</Pattern<</P {6 + level} 0 R>>>>",
        )
        for level in range(depth)
    }
    objects[5 + depth] = stream(b"1 0 0 rg 0 0 5 5 re f", f"{tile}/Resources<<>>")
    return page(b"/Pattern cs /P scn 0 0 200 100 re f", "/Pattern<</P 5 0 R>>", objects=objects)


def packed(side: int, times: int = 1) -> bytes:
    """A page with an image of zeros, packed over and over."""
    packer = zlib.compressobj(1)
    row = bytes(side)
    content = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    for _ in range(times - 1):
        content = zlib.compress(content)
    filters = "/FlateDecode" * times
    entries = (
        f"/Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceGray"
        f"/BitsPerComponent 8/Filter[{filters}]"
    )
    return page(
        b"q 200 0 0 100 0 0 cm /X Do Q",
        "/XObject<</X 5 0 R>>",
        objects={5: stream(content, entries)},
    )


def pages(count: int) -> bytes:
    """A PDF of very many empty pages."""
    made = pikepdf.new()
    for _ in range(count):
        made.add_blank_page(page_size=(20, 20))
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()


def image(width: int, height: int, filter: str = "FlateDecode", bits: int = 8) -> bytes:
    """A page with an image that says this size and has little data."""
    entries = (
        f"/Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceRGB"
        f"/BitsPerComponent {bits}/Filter/{filter}"
    )
    content = zlib.compress(bytes(1000))
    return page(
        b"q 200 0 0 100 0 0 cm /X Do Q",
        "/XObject<</X 5 0 R>>",
        objects={5: stream(content, entries)},
    )


_TILE = "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/Resources<<>>"
_CATALOG = "<</Type/Catalog/Pages 2 0 R>>"

PDFS: dict[str, Callable[[], bytes]] = {
    "no-pages.pdf": lambda: pdf({1: _CATALOG, 2: "<</Type/Pages/Kids[]/Count 0>>"}),
    "count.pdf": lambda: pdf({1: _CATALOG, 2: "<</Type/Pages/Kids[3 0 R]/Count 2000000000>>"}),
    "loop.pdf": lambda: pdf({1: _CATALOG, 2: "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 9>>"}),
    "pages.pdf": lambda: pages(10_000),
    "xref-size.pdf": lambda: pdf(
        {1: _CATALOG, 2: "<</Type/Pages/Kids[]/Count 0>>"}, size=2**31 - 1
    ),
    "prev.pdf": lambda: page().replace(b"/Root 1", b"/Prev 9/Root 1"),
    "inches.pdf": lambda: page(b"0 0 9 9 re f", box="0 0 14400 14400"),
    "miles.pdf": lambda: page(b"0 0 9 9 re f", box="0 0 1000000000 1000000000"),
    "point.pdf": lambda: page(b"0 0 9 9 re f", box="0 0 0 0"),
    "thread.pdf": lambda: page(b"0 0 9 9 re f", box="0 0 0.0001 100000"),
    "strip.pdf": lambda: page(b"0 0 9 9 re f", box="0 0 1 2000000"),
    "backward.pdf": lambda: page(b"0 0 9 9 re f", box="200 100 0 0"),
    "no-number.pdf": lambda: page(b"0 0 9 9 re f", box="nan inf -inf 1e999"),
    "unit.pdf": lambda: page(b"0 0 9 9 re f", more="/UserUnit 1e30"),
    "form-in-itself.pdf": lambda: page(
        b"/X Do", "/XObject<</X 5 0 R>>", objects={5: form(b"/X Do", "/XObject<</X 5 0 R>>")}
    ),
    "laughs.pdf": laughs,
    "patterns.pdf": patterns,
    "pattern-in-itself.pdf": lambda: page(
        b"/Pattern cs /P scn 0 0 200 100 re f",
        "/Pattern<</P 5 0 R>>",
        objects={
            5: stream(
                b"/Pattern cs /P scn 0 0 9 9 re f",
                "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9"
                "/Resources<</Pattern<</P 5 0 R>>>>",
            )
        },
    ),
    "fine-tiles.pdf": lambda: page(
        b"/Pattern cs /P scn 0 0 14000 14000 re f",
        "/Pattern<</P 5 0 R>>",
        box="0 0 14400 14400",
        objects={5: stream(b"0 0 1 1 re f", f"{_TILE}/XStep 0.001/YStep 0.001")},
    ),
    "dashes.pdf": lambda: page(b"[0.0001 0.0001] 0 d 1 w 0 0 m 1000000 1000000 l S"),
    "wide-line.pdf": lambda: page(b"1e30 w 0 0 m 1e30 1e30 l S 1e-30 w 0 0 m 9 9 l S"),
    "states.pdf": lambda: page(b"q " * 1_000_000),
    "paths.pdf": lambda: page(b"0 0 m " + b"200 100 l 0 0 l " * 300_000 + b"f"),
    "rectangles.pdf": lambda: page(b"0 0 200 100 re f " * 300_000),
    "letters.pdf": lambda: page(
        b"BT /F 1e9 Tf (A) Tj ET BT /F 12 Tf (" + b"A" * 500_000 + b") Tj ET"
    ),
    "brackets.pdf": lambda: page(b"[" * 1_000_000),
    "dictionaries.pdf": lambda: page(more="/A" + "<</A" * 100_000),
    "bomb.pdf": lambda: packed(HUGE),
    "packed-bomb.pdf": lambda: packed(HUGE, 3),
    "image-size.pdf": lambda: image(2**31 - 1, 2**31 - 1),
    "image-wide.pdf": lambda: image(2**31 - 1, 1),
    "image-fax.pdf": lambda: image(60_000, 60_000, "CCITTFaxDecode", 1),
    "image-dct.pdf": lambda: image(60_000, 60_000, "DCTDecode"),
    "image-jbig2.pdf": lambda: image(60_000, 60_000, "JBIG2Decode", 1),
    "locked.pdf": lambda: seeds.pdfs()["locked.pdf"],
    "after-junk.pdf": lambda: b"x" * 900 + page(b"0 0 9 9 re f"),
    "header-only.pdf": lambda: b"%PDF-1.7",
    "outside.pdf": lambda: page(
        b"q 200 0 0 100 0 0 cm /X Do Q",
        "/XObject<</X 5 0 R>>",
        objects={
            5: stream(
                b"",
                "/Type/XObject/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceGray"
                "/BitsPerComponent 8/F<</Type/Filespec/F(/etc/passwd)>>",
            )
        },
    ),
}
"""Names and what makes the files."""
