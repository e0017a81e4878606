"""The picture of a page, as PNG: browsers show neither TIFF nor the pages of a PDF. No torch."""

from __future__ import annotations

import io
from contextlib import closing

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
        pixels, count = _drawn(job)
    except ImageError as error:
        raise Refusal(422, error.problem) from error
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return Answer(file.getvalue(), "image/png", of=count)


def _drawn(job: PictureJob) -> tuple[np.ndarray, int]:
    """The pixels of the page, and how many pages there are."""
    file, count = io.BytesIO(job.content), 0
    if is_pdf(file):
        from isotrope.io.pdf_process import pdf_pages

        with closing(pdf_pages(job.content)) as pages:
            count = len(pages)
            if 1 <= job.page <= count:
                pixels, _ = pages.draw(job.page - 1)
                return pixels, count
    else:
        with opened(file) as image:
            numbers = page_numbers(image)
            count = len(numbers)
            if 1 <= job.page <= count:
                return as_pixels(frame(image, numbers[job.page - 1])), count
    raise Refusal(404, f"no page {job.page}; the file has {count}")
