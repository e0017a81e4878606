"""PAGE-XML and ALTO files made to do harm: entities, depth, length, numbers, and names."""

from __future__ import annotations

from collections.abc import Callable

from seeds import ALTO, PAGE_XML

_BODY = PAGE_XML.partition("\n")[2]
_LINE = '<TextLine><Coords points="1,1 9,1 9,9 1,9"/></TextLine>'


def doctype(declared: str, used: str = "&e;") -> bytes:
    """A page with entities of its own."""
    return f"<!DOCTYPE PcGts [{declared}]>{_BODY.replace('Fifty', used)}".encode()


def laughs() -> bytes:
    """Entities of entities: a thousand million of them."""
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return doctype(f'<!ENTITY e0 "ha">{levels}', "&e9;")


def named(image: str) -> bytes:
    """A page that names this image."""
    return PAGE_XML.replace("page.png", image).encode()


def with_points(points: str) -> bytes:
    """A page with a line of these points."""
    return PAGE_XML.replace("10,10 110,10 110,30 10,30", points).encode()


def lines(count: int) -> bytes:
    """A page of very many lines in one region."""
    return PAGE_XML.replace("</TextRegion>", _LINE * count + "</TextRegion>").encode()


def deep(levels: int) -> bytes:
    """Regions in regions."""
    return _BODY.replace(
        "</TextRegion>", "<TextRegion>" * levels + _LINE + "</TextRegion>" * (levels + 1)
    ).encode()


TRANSCRIPTS: dict[str, Callable[[], bytes]] = {
    "laughs.xml": laughs,
    "outside.xml": lambda: doctype('<!ENTITY e SYSTEM "file:///etc/passwd">'),
    "net.xml": lambda: doctype('<!ENTITY e SYSTEM "http://127.0.0.1:9/x">'),
    "parameter.xml": lambda: doctype('<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;', ""),
    "dtd.xml": lambda: f'<!DOCTYPE PcGts SYSTEM "/etc/passwd">{_BODY}'.encode(),
    "include.xml": lambda: _BODY.replace(
        "Fifty", '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'
    ).encode(),
    "sheet.xml": lambda: b'<?xml-stylesheet href="/etc/passwd"?>' + _BODY.encode(),
    "image-above.xml": lambda: named("../../../../../../etc/passwd"),
    "image-absolute.xml": lambda: named("/etc/passwd"),
    "image-address.xml": lambda: named("file:///etc/passwd"),
    "image-coded.xml": lambda: named("..%2F..%2F..%2F..%2Fetc%2Fpasswd"),
    "image-nul.xml": lambda: named("page%00.png"),
    "image-long.xml": lambda: named("x" * 100_000),
    "image-folder.xml": lambda: named("."),
    "image-none.xml": lambda: named(""),
    "image-device.xml": lambda: named("/dev/zero"),
    "points-none.xml": lambda: with_points(""),
    "points-nan.xml": lambda: with_points("nan,nan 1,1 inf,9 9,9"),
    "points-negative.xml": lambda: with_points("-9,-9 -1,-9 -1,-1 -9,-1"),
    "points-far.xml": lambda: with_points("0,0 999999,0 999999,999999 0,999999"),
    "points-same.xml": lambda: with_points("5,5 5,5 5,5 5,5"),
    "points-many.xml": lambda: with_points("1,1 9,9 3,5 " * 300_000),
    "points-digits.xml": lambda: with_points("1" * 1_000_000 + ",1 2,2 3,3"),
    "index.xml": lambda: PAGE_XML.replace('index="0"', f'index="{"9" * 5000}"').encode(),
    "size.xml": lambda: PAGE_XML.replace('"120"', '"1e308"').encode(),
    "size-nan.xml": lambda: PAGE_XML.replace('"120"', '"nan"').encode(),
    "size-text.xml": lambda: PAGE_XML.replace('"120"', '"wide"').encode(),
    "text.xml": lambda: PAGE_XML.replace("Fifty", "\u202e\u0301ﬁ" * 500_000).encode(),
    "lines.xml": lambda: lines(100_000),
    "deep.xml": lambda: deep(200),
    "deepest.xml": lambda: deep(100_000),
    "attributes.xml": lambda: _BODY.replace(
        "<TextLine ", "<TextLine " + "".join(f'a{n}="" ' for n in range(100_000))
    ).encode(),
    "utf-16.xml": lambda: _BODY.encode("utf-16"),
    "latin.xml": lambda: f'<?xml version="1.0" encoding="latin-1"?>{_BODY}'.encode("latin-1"),
    "wrong-code.xml": lambda: _BODY.encode("latin-1"),
    "unknown-code.xml": lambda: f'<?xml version="1.0" encoding="x-y"?>{_BODY}'.encode(),
    "unit.xml": lambda: ALTO.replace("pixel", "mm10").encode(),
    "alto-box.xml": lambda: ALTO.replace('HPOS="10"', 'HPOS="1e400"').encode(),
    "empty.xml": lambda: b"",
    "root.xml": lambda: b"<PcGts/>",
}
"""Names and what makes the files."""
