"""The picture of a page, as PNG: browsers show neither TIFF nor the pages of a PDF. No torch."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from isotrope.io.arrays import as_pixels
from isotrope.io.errors import ImageError
from isotrope.io.opening import frame, opened, page_numbers
from isotrope.io.sheets import is_pdf
from isotrope.serve.job import Answer, PictureJob
from isotrope.serve.limits import Refusal


def picture(job: PictureJob) -> Answer:
    """The page as it is read: the coordinates of its lines are pixels of this picture.

    Raises:
        Refusal: There is no such page, or it cannot be opened.
    """
    try:
        pixels = _pixels(job)
    except ImageError as error:
        raise Refusal(422, error.problem) from error
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return Answer(file.getvalue(), "image/png")


def _pixels(job: PictureJob) -> np.ndarray:
    file = io.BytesIO(job.content)
    if is_pdf(file):
        from isotrope.io.pdf import PdfPages

        with PdfPages(job.content) as pages:
            _check(job.page, len(pages))
            return pages.draw(job.page - 1).pixels
    with opened(file) as image:
        numbers = page_numbers(image)
        _check(job.page, len(numbers))
        return as_pixels(frame(image, numbers[job.page - 1]))


def _check(page: int, count: int) -> None:
    if not 1 <= page <= count:
        raise ImageError(f"no page {page}; the file has {count}")
