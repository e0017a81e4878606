"""Small sound files of every format that is read: what the fuzzer breaks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
from PIL import Image, ImageDraw

SAMPLES = Path(__file__).parents[2] / "samples"
LARGEST = 300_000  # bytes of a seed from a folder: the larger, the less often a change matters

PAGE_XML = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="page.png" imageWidth="120" imageHeight="80"><TextRegion id="r">
<Coords points="5,5 115,5 115,75 5,75"/>
<TextLine id="a"><Coords points="10,10 110,10 110,30 10,30"/><Baseline points="10,26 110,26"/>
<TextEquiv index="1"><Unicode>second</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode>Fifty words &amp; Ärger</Unicode></TextEquiv></TextLine>
<TextLine id="b">
<Coords><Point x="10" y="40"/><Point x="110" y="40"/><Point x="60" y="60"/></Coords>
</TextLine></TextRegion></Page></PcGts>
"""
ALTO = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>
<MeasurementUnit>pixel</MeasurementUnit><sourceImageInformation><fileName>page.png</fileName>
</sourceImageInformation></Description><Layout><Page WIDTH="120" HEIGHT="80"><PrintSpace>
<TextBlock ID="r"><TextLine ID="a" HPOS="10" VPOS="10" WIDTH="100" HEIGHT="20"
BASELINE="10,26 110,26">
<Shape><Polygon POINTS="10,10 110,10 110,30 10,30"/></Shape>
<String CONTENT="Fifty"/><SP/><String CONTENT="wor"/><HYP CONTENT="-"/></TextLine>
<TextLine ID="b" HPOS="10" VPOS="40" WIDTH="100" HEIGHT="20" BASELINE="56"/></TextBlock>
</PrintSpace></Page></Layout></alto>
"""
CONTENT = b"""BT /F 12 Tf 20 50 Td (Fifty words) Tj ET
/Pattern cs /P scn 100 10 60 30 re f q 150 50 40 40 re W n /S sh Q q 1 0 0 1 10 5 cm /O Do Q
q 20 0 0 20 170 5 cm BI /W 4 /H 4 /CS /G /BPC 8 /F /AHx ID 00112233445566778899aabbccddeeff> EI Q"""
RESOURCES = b"""<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>
/Shading << /S << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 200 100]
/Function << /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >> >> >> >>"""


def drawing(mode: str = "RGB", size: tuple[int, int] = (120, 80)) -> Image.Image:
    """A picture with a line of text, of any mode that Pillow converts to."""
    image = Image.new("RGB", size, (250, 240, 220))
    draw = ImageDraw.Draw(image)
    draw.text((8, 10), "Fifty words", fill=(20, 20, 60))
    draw.line((8, 60, 110, 62), fill=(200, 0, 0), width=2)
    return image.convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)


def images() -> dict[str, bytes]:
    """Image files of each format that Pillow writes and reads, by a name with the right suffix."""
    found = {}
    for name, mode, kind, options in _written():
        buffer = io.BytesIO()
        drawing(mode).save(buffer, kind, **options)
        found[name] = buffer.getvalue()
    return found


def _written() -> Iterator[tuple[str, str, str, dict]]:
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        yield f"{mode.replace(';', '')}.png", mode, "PNG", {}
    for mode in ("L", "RGB", "CMYK"):
        yield f"{mode}.jpg", mode, "JPEG", {}
    yield "progressive.jpg", "RGB", "JPEG", {"progressive": True}
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "exif.jpg", "RGB", "JPEG", {"exif": exif}
    yield "exif.png", "RGB", "PNG", {"exif": exif}
    packed = {"raw": "RGB", "tiff_lzw": "RGB", "group4": "1", "packbits": "L", "jpeg": "RGB"}
    for compression, mode in (packed | {"tiff_adobe_deflate": "I;16", "zstd": "RGBA"}).items():
        yield f"{compression}.tif", mode, "TIFF", {"compression": compression}
    pages = {"save_all": True, "append_images": [drawing("L"), drawing("1")]}
    yield "pages.tif", "RGB", "TIFF", {**pages, "compression": "tiff_lzw"}
    tiled = {"tiffinfo": {322: 64, 323: 64}, "compression": "tiff_adobe_deflate"}
    yield "tiled.tif", "RGB", "TIFF", tiled
    yield "float.tif", "F", "TIFF", {}
    yield "cmyk.tif", "CMYK", "TIFF", {"compression": "tiff_lzw"}
    yield "a.webp", "RGBA", "WEBP", {}
    yield "lossless.webp", "RGB", "WEBP", {"lossless": True}
    yield "a.gif", "P", "GIF", {"save_all": True, "append_images": [drawing("P", (60, 40))]}
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"{mode}.bmp", mode, "BMP", {}
        yield f"{mode}.tga", mode, "TGA", {"compression": "tga_rle" if mode != "1" else None}
    yield "a.jp2", "RGB", "JPEG2000", {}
    yield "a.j2k", "RGB", "JPEG2000", {"no_jp2": True, "tile_size": (64, 64)}
    yield "a.avif", "RGB", "AVIF", {}
    for mode, suffix in {"1": "pbm", "L": "pgm", "RGB": "ppm", "F": "pfm", "I;16": "pnm"}.items():
        yield f"a.{suffix}", mode, "PPM", {}
    yield "a.ico", "RGBA", "ICO", {"sizes": [(16, 16), (64, 64)]}
    yield "a.icns", "RGBA", "ICNS", {}
    yield "a.mpo", "RGB", "MPO", {"save_all": True, "append_images": [drawing()]}
    yield "a.dds", "RGBA", "DDS", {}
    yield "a.pcx", "RGB", "PCX", {}
    yield "a.sgi", "RGB", "SGI", {}
    yield "a.blp", "P", "BLP", {}
    yield "a.xbm", "1", "XBM", {}
    yield "a.msp", "1", "MSP", {}
    yield "a.spider", "F", "SPIDER", {}
    yield "a.qoi", "RGB", "QOI", {}


def pdfs() -> dict[str, bytes]:
    """PDF files: text, scans of several filters, forms, patterns, an encrypted one."""
    found = {}
    for name, mode, pages in (("scan", "RGB", 1), ("fax", "1", 1), ("pages", "L", 3)):
        buffer = io.BytesIO()
        drawing(mode).save(
            buffer, "PDF", save_all=True, append_images=[drawing(mode)] * (pages - 1)
        )
        found[f"{name}.pdf"] = buffer.getvalue()
    found["text.pdf"] = _saved(_text_pdf())
    objects = {"object_stream_mode": pikepdf.ObjectStreamMode.generate}
    found["objects.pdf"] = _saved(_text_pdf(), **objects)
    found["locked.pdf"] = _saved(_text_pdf(), encryption=pikepdf.Encryption("owner", "user"))
    found["open.pdf"] = _saved(_text_pdf(), encryption=pikepdf.Encryption("owner", ""))
    found["linear.pdf"] = _saved(_text_pdf(), linearize=True)
    return found


def _text_pdf() -> pikepdf.Pdf:
    """A page with text, a form in a form, a pattern, a shading and an inline image."""
    pdf = pikepdf.new()

    def stream(content: bytes, entries: str) -> pikepdf.Stream:
        made = pdf.make_stream(content)
        made.stream_dict = pikepdf.Object.parse(f"<<{entries} /BBox [0 0 40 40]>>".encode())
        return made

    page = pdf.add_blank_page(page_size=(200, 100))
    page.Contents = pdf.make_stream(CONTENT)
    page.Resources = pikepdf.Object.parse(RESOURCES)
    inner = stream(b"0 0 1 rg 5 5 20 20 re f", "/Type /XObject /Subtype /Form")
    outer = stream(b"q 1 0 0 1 3 3 cm /I Do Q", "/Type /XObject /Subtype /Form")
    outer.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=inner))
    tile = "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /XStep 4 /YStep 4"
    page.Resources.XObject = pikepdf.Dictionary(O=outer)
    page.Resources.Pattern = pikepdf.Dictionary(P=stream(b"1 0 0 rg 0 0 2 2 re f", tile))
    return pdf


def _saved(pdf: pikepdf.Pdf, **options) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, **options)
    return buffer.getvalue()


def transcripts() -> dict[str, bytes]:
    """PAGE-XML and ALTO files; their image is `page.png`."""
    return {"page.xml": PAGE_XML.encode(), "alto.xml": ALTO.encode()}


def real(folder: Path, suffixes: tuple[str, ...]) -> dict[str, bytes]:
    """The files of a folder and its subfolders that are small enough."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in suffixes)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in paths
        if path.stat().st_size <= LARGEST
    }
