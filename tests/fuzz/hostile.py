"""Image files made to do harm: bombs, loops, and absurd sizes. Each is made when it is needed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

LARGE = 9400  # px; a square of this side is just under what Pillow opens
HUGE = 30_000


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png(side: int, bits: int = 1, color: int = 0, extra: bytes = b"", rows: int | None = None):
    """A white or black PNG, in a few bytes for its size."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    row = b"\0" + b"\xff" * ((side * bits * channels + 7) // 8)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(side if rows is None else rows))
    head = struct.pack(">IIBBBBB", side, side, bits, color, 0, 0, 0)
    data = packed + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (png_chunk(b"IHDR", head), extra, png_chunk(b"IDAT", data), png_chunk(b"IEND", b""))
    )


def png_text_bomb() -> bytes:
    """A compressed comment of 500 MB in a small PNG."""
    packed = zlib.compress(bytes(500_000_000), 9)
    return png(8, extra=png_chunk(b"zTXt", b"Comment\0\0" + packed))


def png_profile_bomb() -> bytes:
    """A color profile of 500 MB in a small PNG."""
    return png(8, extra=png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(500_000_000), 9)))


def tiff(*pages: dict[int, tuple[int, Sequence[int]]], loop: int | None = None, data: int = 64):
    """A TIFF with these tags on each page.

    Args:
        pages: For each page its tags; a tag has a type (3: short, 4: long) and values.
        loop: The page that follows the last one.
        data: Bytes of pixels, at offset 8.
    """
    out = bytearray(b"II*\0" + struct.pack("<I", 8 + data) + b"\x55" * data)
    starts = []
    for number, tags in enumerate(pages):
        starts.append(len(out))
        body, values = struct.pack("<H", len(tags)), b""
        after = len(out) + 2 + 12 * len(tags) + 4
        for tag, (kind, numbers) in sorted(tags.items()):
            packed = struct.pack(f"<{len(numbers)}{'HI'[kind - 3]}", *numbers)
            place = packed.ljust(4, b"\0")
            if len(packed) > 4:
                place = struct.pack("<I", after + len(values))
                values += packed
            body += struct.pack("<HHI", tag, kind, len(numbers)) + place
        last = number == len(pages) - 1
        next_page = after + len(values)
        if last:
            next_page = 0 if loop is None else starts[loop]
        out += body + struct.pack("<I", next_page) + values
    return bytes(out)


def gray(width: int, height: int, **more) -> dict[int, tuple[int, Sequence[int]]]:
    """The tags of an 8-bit gray page of one strip; `t273=...` sets a tag."""
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1])}
    tags |= {
        273: (4, [8]),
        277: (3, [1]),
        278: (4, [height]),
        279: (4, [min(width * height, 2**32 - 1)]),
    }
    return tags | {int(name[1:]): value for name, value in more.items()}


def jpeg_of_scans(side: int = 8192, scans: int = 20_000) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each takes a pass over the image.

    Source: "Two issues with the JPEG standard", libjpeg-turbo project, 2015.
    """
    small = io.BytesIO()
    Image.new("L", (8, 8), 200).save(small, "JPEG", progressive=True)
    data = bytearray(small.getvalue())
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    last = data.rindex(b"\xff\xda")
    end = data.rindex(b"\xff\xd9")
    return bytes(data[:end]) + bytes(data[last:end]) * scans + b"\xff\xd9"


def gif_of_frames(frames: int = 50_000) -> bytes:
    """A GIF of very many frames on a large screen."""
    head = b"GIF89a" + struct.pack("<HHBBB", 9000, 9000, 0x80, 0, 0) + bytes(6)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b";"


def icon_with_bomb() -> bytes:
    """An ICO that says 16 px and holds a PNG of 30,000."""
    inner = png(HUGE)
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)
    return b"\0\0\1\0\1\0" + entry + inner


def fits_bomb() -> bytes:
    """A FITS table whose gzip stream grows a thousandfold."""
    import gzip

    def card(key: str, value: str) -> bytes:
        return f"{key:<8}= {value:>20}".ljust(80).encode()

    cards = [card("SIMPLE", "T"), card("BITPIX", "8"), card("NAXIS", "0"), b"END".ljust(80)]
    table = [card("XTENSION", "'BINTABLE'"), card("BITPIX", "8"), card("NAXIS", "2")]
    table += [card("NAXIS1", "8"), card("NAXIS2", "64"), card("ZIMAGE", "T")]
    table += [card("ZBITPIX", "8"), card("ZNAXIS", "2"), card("ZNAXIS1", "64")]
    table += [card("ZNAXIS2", "64"), card("ZCMPTYPE", "'GZIP_1  '"), b"END".ljust(80)]
    head = b"".join(cards).ljust(2880, b" ") + b"".join(table).ljust(2880, b" ")
    return head + bytes(8 * 64) + gzip.compress(bytes(6_000_000_000), 1)


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def flat(kind: str, mode: str, side: int, **options) -> Callable[[], bytes]:
    """A file of one color and this many pixels on a side."""
    return lambda: _saved(Image.new(mode, (side, side)), kind, **options)


def bmp(width: int, height: int) -> bytes:
    """The header of a BMP."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 70, 0, 0, 54) + info


def _noise_webp() -> bytes:
    image = Image.new("RGB", (4000, 4000))
    ImageDraw.Draw(image).ellipse((0, 0, 3999, 3999), fill=(9, 200, 90))
    return _saved(image, "WEBP", save_all=True, append_images=[image] * 20)


_STRIPS = {"t278": (4, [1]), "t273": (4, [8] * 60_000), "t279": (4, [1] * 60_000)}

IMAGES: dict[str, Callable[[], bytes]] = {
    "bomb.png": lambda: png(HUGE),
    "large.png": lambda: png(LARGE, 16),
    "large-color.png": lambda: png(LARGE, 8, 6),
    "short.png": lambda: png(LARGE, 8, 2, rows=2),
    "text-bomb.png": png_text_bomb,
    "profile-bomb.png": png_profile_bomb,
    "widest.png": lambda: png(8).replace(
        struct.pack(">II", 8, 8), struct.pack(">II", 2**31 - 1, 1)
    ),
    "large.tif": lambda: tiff(gray(LARGE, LARGE)),
    "wide.tif": lambda: tiff(gray(2**31 - 1, 1)),
    "negative.tif": lambda: tiff(gray(2**32 - 1, 2**32 - 1)),
    "thin.tif": lambda: tiff(gray(1, 80_000_000)),
    "loop.tif": lambda: tiff(gray(8, 8), gray(8, 8), loop=0),
    "self.tif": lambda: tiff(gray(8, 8), loop=0),
    "pages.tif": lambda: tiff(*[gray(8, 8)] * 50_000),
    "large-pages.tif": lambda: tiff(*[gray(LARGE, LARGE)] * 100),
    "strips.tif": lambda: tiff(gray(1, 60_000, **_STRIPS)),
    "tile.tif": lambda: tiff(
        gray(8, 8, t322=(4, [2**31 - 16]), t323=(4, [2**31 - 16]), t324=(4, [8]), t325=(4, [64]))
    ),
    "tiles.tif": lambda: tiff(
        gray(
            9000, 9000, t322=(4, [16]), t323=(4, [16]), t324=(4, [8]), t325=(4, [64]), t259=(3, [8])
        )
    ),
    "samples.tif": lambda: tiff(gray(8, 8, t277=(3, [65535]), t258=(3, [8] * 65535))),
    "bits.tif": lambda: tiff(gray(8, 8, t258=(3, [64]))),
    "packed-bomb.tif": flat("TIFF", "L", LARGE, compression="tiff_adobe_deflate"),
    "fax-bomb.tif": flat("TIFF", "1", LARGE, compression="group4"),
    "scans.jpg": jpeg_of_scans,
    "largest.jpg": lambda: jpeg_of_scans(65_500, 1),
    "frames.gif": gif_of_frames,
    "large.gif": flat("GIF", "P", LARGE),
    "large.webp": flat("WEBP", "RGB", 9000, lossless=True, method=0),
    "largest.webp": flat("WEBP", "RGB", 16_383, lossless=True, method=0),
    "frames.webp": _noise_webp,
    "large.jp2": flat("JPEG2000", "L", 8000),
    "large.bmp": lambda: bmp(9000, -9000),
    "lowest.bmp": lambda: bmp(-(2**31), -(2**31)),
    "large.ppm": lambda: b"P6 9000 9000 255\n",
    "largest.ppm": lambda: b"P6 99999999999 99999999999 255\n",
    "comment.ppm": lambda: b"P6 #" + b"x" * 10_000_000,
    "plain.ppm": lambda: b"P3 5000 5000 255\n" + b"1 " * 10_000_000,
    "maximum.pgm": lambda: b"P5 8 8 0\n" + bytes(64),
    "bomb.ico": icon_with_bomb,
    "bomb.fits": fits_bomb,
    "empty.png": lambda: b"",
    "text.png": lambda: b"not an image\n" * 100,
}
"""Names and what makes the files."""
