"""The text of a page alone, as a PDF to be laid over the page by another program."""

from __future__ import annotations

import io

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream

from isotrope.ocr.document import Page
from isotrope.ocr.formats.pages.pdf.font import InvisibleFont
from isotrope.ocr.formats.pages.pdf.text import text_of

FONT = Name("/F1")
"""The name of the font: OCRmyPDF takes over this one."""


def text_layer(page: Page, resolution: float) -> bytes:
    """Write a PDF of one page as large as the image, on which nothing is seen.

    Args:
        resolution: Pixels per inch.
    """
    scale = 72 / resolution
    font = InvisibleFont()
    with pikepdf.new() as pdf:
        to_points = (scale, 0.0, 0.0, -scale, 0.0, scale * page.height)
        text = text_of(page, to_points, font, str(FONT))
        made = pdf.make_indirect(Dictionary())
        font.put_into(pdf, made)
        shown = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, scale * page.width, scale * page.height]),
            Resources=Dictionary({"/Font": Dictionary({str(FONT): made})}),
            Contents=Stream(pdf, text),
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(shown)))
        file = io.BytesIO()
        pdf.save(file, deterministic_id=True)
    return file.getvalue()
