"""Pictures as images in a PDF."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pikepdf import Dictionary, Name, Object, Pdf, Stream
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from isotrope.io.arrays import as_pixels, with_channels
from isotrope.io.opening import check_size, frame
from isotrope.ocr.formats.pages.pdf.text import Matrix

_ORIENTATION = 0x0112  # the EXIF tag
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_LENGTHS = 273, 278, 279  # TIFF tags
_AS_STORED: Matrix = (1, 0, 0, 1, 0, 0)
_PLACED: dict[int, Matrix] = {
    **{2: (-1, 0, 0, 1, 1, 0), 3: (-1, 0, 0, -1, 1, 1), 4: (1, 0, 0, -1, 0, 1)},
    **{5: (0, -1, -1, 0, 1, 1), 6: (0, -1, 1, 0, 0, 1)},
    **{7: (0, 1, 1, 0, 0, 0), 8: (0, 1, -1, 0, 1, 0)},
}
"""What each EXIF orientation does to the unit square in which a PDF draws an image."""


@dataclass(frozen=True)
class Picture:
    """An image in a PDF.

    Args:
        image: The image.
        size: Width and height as shown, px.
        placed: Map of the unit square that shows a stored image the right way up.
    """

    image: Object
    size: tuple[int, int]
    placed: Matrix = _AS_STORED


def picture(pdf: Pdf, image: Image.Image | np.ndarray, number: int, file: Path | bytes) -> Picture:
    """Put a frame of an open image file, or an array of pixels, into a PDF.

    Args:
        number: The frame, as Pillow counts.
        file: The image file.

    Raises:
        ImageError: The image is broken or too large.
    """
    if isinstance(image, np.ndarray):
        return _flate(pdf, with_channels(image))
    if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
        return _jpeg(pdf, image, file)
    if number != image.tell():
        image.seek(number)
    check_size(image)
    if image.mode == "1":
        return _ccitt(pdf, image)
    return _flate(pdf, frame(image, number))


def _jpeg(pdf: Pdf, image: Image.Image, file: Path | bytes) -> Picture:
    """Embed a JPEG file as it is."""
    content = file if isinstance(file, bytes) else file.read_bytes()
    stored = _image(pdf, content, image.size, image.mode, 8, Name.DCTDecode)
    orientation = 1
    with suppress(Exception):  # Broken EXIF data: the image is read as it is stored.
        orientation = image.getexif().get(_ORIENTATION, 1)
    width, height = image.size
    size = (height, width) if orientation in (5, 6, 7, 8) else (width, height)
    return Picture(stored, size, _PLACED.get(orientation, _AS_STORED))


def _ccitt(pdf: Pdf, image: Image.Image) -> Picture:
    """Compress black and white: Pillow does it in a TIFF of one strip, which is taken out."""
    image = ImageOps.exif_transpose(image)
    tiff = io.BytesIO()
    image.save(tiff, "TIFF", compression="group4", tiffinfo={_ROWS_PER_STRIP: image.height})
    tiff.seek(0)
    with TiffImageFile(tiff) as written:
        (start,), (length,) = written.tag_v2[_STRIP_OFFSETS], written.tag_v2[_STRIP_LENGTHS]
    content = tiff.getvalue()[start : start + length]
    parameters = Dictionary(K=-1, Columns=image.width, Rows=image.height, BlackIs1=True)
    stored = _image(pdf, content, image.size, "L", 1, Name.CCITTFaxDecode, parameters)
    return Picture(stored, image.size)


def _flate(pdf: Pdf, array: np.ndarray) -> Picture:
    """Compress without loss: Pillow does it in a PNG, whose data is taken out."""
    gray = array.shape[-1] == 1
    pixels = as_pixels(array)
    image = Image.fromarray(pixels[..., 0] if gray else pixels)
    png = io.BytesIO()
    image.save(png, "PNG", compress_level=6)
    parameters = Dictionary(
        Predictor=15, Colors=1 if gray else 3, BitsPerComponent=8, Columns=image.width
    )
    content = _png_data(png.getvalue())
    stored = _image(pdf, content, image.size, image.mode, 8, Name.FlateDecode, parameters)
    return Picture(stored, image.size)


def _image(
    pdf: Pdf,
    content: bytes,
    size: tuple[int, int],
    mode: str,
    bits: int,
    compression: Name,
    parameters: Dictionary | None = None,
) -> Object:
    stream = Stream(pdf, content)
    stream.Type, stream.Subtype = Name.XObject, Name.Image
    stream.Width, stream.Height = size
    stream.ColorSpace = Name.DeviceGray if mode == "L" else Name.DeviceRGB
    stream.BitsPerComponent = bits
    stream.Filter = compression
    if parameters is not None:
        stream.DecodeParms = parameters
    return stream


def _png_data(png: bytes) -> bytes:
    """The compressed pixels in a PNG file."""
    data, place = [], 8  # after the signature: length, name, content, checksum of each chunk
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            data.append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return b"".join(data)
