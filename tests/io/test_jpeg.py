"""Counting the scans of a JPEG."""

import io
import time

import pytest
from PIL import Image

from isotrope.io.images import ImageError, load_pixels
from isotrope.io.jpeg import scans


def jpeg(**options):
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def repeated(times):
    """A progressive JPEG whose last scan comes again."""
    content = jpeg(progressive=True)
    last, end = content.rindex(b"\xff\xda"), content.rindex(b"\xff\xd9")
    return content[:end] + content[last:end] * times + content[end:]


def test_scans_are_counted():
    assert scans(jpeg(), 100) == 1
    usual = scans(jpeg(progressive=True), 100)
    assert 5 < usual < 20
    assert scans(repeated(7), 100) == usual + 7
    assert scans(repeated(500), 100) == 101
    assert scans(b"", 100) == scans(b"\xff", 100) == scans(b"\xff\xda", 0) - 1 == 0


def test_what_follows_or_precedes_the_image_is_not_counted():
    comment = jpeg(comment=b"\xff\xda" * 500)
    assert scans(comment, 100) == 1
    assert scans(jpeg() + b"\xff\xda\0\0" * 500, 100) == 1


def test_a_jpeg_made_to_be_slow_is_refused():
    content = bytearray(repeated(5000))
    started = time.process_time()
    with pytest.raises(ImageError, match=r"^a JPEG of more than 100 scans, made to be slow; save"):
        load_pixels(bytes(content))
    assert time.process_time() - started < 2
    assert load_pixels(repeated(50)).shape == (64, 64, 3)
