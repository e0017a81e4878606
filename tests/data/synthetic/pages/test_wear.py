"""Paper, light, wear and cameras change pixels, not places, and leave text legible."""

import numpy as np
import pytest
from PIL import Image

from isotrope.data.synthetic.pages import camera, wear
from isotrope.data.synthetic.pages.grounds import lay, light, multiply
from isotrope.data.synthetic.pages.sheet import Sheet


def written(plain, size=(300, 200)):
    sheet = Sheet(*size)
    for y in range(40, size[1] - 10, 30):
        sheet.write(plain.face, plain.face.run("hamburgefonts"), 30, y)
    return sheet


def contrast(sheet, line):
    """Difference of paper and ink within a line, by percentiles."""
    low, high = line.polygon.min(axis=0).astype(int), line.polygon.max(axis=0).astype(int)
    part = sheet.pixels[low[1] : high[1], low[0] : high[0], :3].mean(axis=-1)
    return np.percentile(part, 95) - np.percentile(part, 5)


@pytest.mark.parametrize(
    "step", [wear.fade, wear.show_through, wear.creases, wear.specks, wear.holes, wear.edges, lay]
)
def test_text_stays_legible(plain, step):
    changed = 0
    for seed in range(8):
        sheet, clean = written(plain), written(plain)
        step(sheet, np.random.default_rng(seed))
        changed += (sheet.pixels != clean.pixels).any()
        assert all(contrast(sheet, line) > 30 for line in sheet.lines)
        assert len(sheet.lines) == len(clean.lines)
        again = written(plain)
        step(again, np.random.default_rng(seed))
        np.testing.assert_array_equal(again.pixels, sheet.pixels)
    assert changed >= 6


def test_the_back_shows_in_the_mirror(plain):
    """Ink on the left shows on the right, pale, and is no line."""
    sheet = written(plain, (400, 200))
    sheet.pixels[:, 200:] = 255
    wear.show_through(sheet, np.random.default_rng(1))
    back = sheet.pixels[:, 250:380, 0]
    assert 150 < back.min() < 250
    assert (back < 250).mean() > 0.05
    assert len(sheet.lines) == len(written(plain, (400, 200)).lines)


def test_dark_edges_are_on_the_edge():
    found = np.zeros(4, bool)
    for seed in range(8):
        sheet = Sheet(300, 400)
        wear.edges(sheet, np.random.default_rng(seed))
        dark = sheet.pixels[..., 0] < 128
        assert not dark[7:-7, 7:-7].any()
        found |= [dark[0].any(), dark[-1].any(), dark[100:300, 0].any(), dark[100:300, -1].any()]
    assert found.all()


def test_paper_of_one_color(plain):
    sheet = Sheet(60, 40)
    multiply(sheet, np.full((3, 3, 3), (1.0, 0.5, 0.2)))
    np.testing.assert_allclose(
        sheet.pixels[..., :3], [[[255, 127, 51]]] * np.ones((40, 60, 1)), atol=1
    )


def test_light_is_never_dark():
    for seed in range(30):
        gain = light(np.random.default_rng(seed), (20, 15))
        assert gain.shape == (20, 15)
        assert gain.min() >= 0.2
        assert gain.max() == 1


@pytest.mark.parametrize("seed", range(12))
def test_scans_keep_their_size_and_seed(seed, plain):
    pixels = np.ascontiguousarray(written(plain).pixels[..., :3])
    image = camera.scanned(pixels, np.random.default_rng(seed))
    assert image.shape == pixels.shape
    assert image.dtype == np.uint8
    again = camera.scanned(pixels, np.random.default_rng(seed))
    np.testing.assert_array_equal(image, again)
    assert np.ptp(image) > 60


def gray():
    return Image.fromarray(np.tile(np.linspace(60, 200, 300).astype(np.uint8), (290, 1)))


@pytest.mark.parametrize("inverted", [False, True])
def test_bilevel_scans_keep_text_in_the_shade(plain, inverted):
    pixels = written(plain).pixels[..., 0] * np.linspace(0.3, 1.0, 300)
    pixels = 255 - pixels if inverted else pixels
    scan = camera.bilevel(Image.fromarray(pixels.astype(np.uint8)), np.random.default_rng(0))
    image = np.asarray(scan)
    assert set(np.unique(image)) == {0, 255}
    text = image == (255 if inverted else 0)
    for part in (text[:, :100], text[:, 100:200]):
        assert 0.05 < part.mean() < 0.35


def test_noise_is_as_strong_on_the_whole_page():
    noise = np.asarray(camera.noisy(gray(), np.random.default_rng(0))).astype(int) - gray()
    assert abs(noise.mean()) < 1
    assert noise[:, :100].std() == pytest.approx(noise[:, 200:].std(), rel=0.1)
    assert noise.std() > 1.5


def test_soft_images_lose_contrast_between_pixels():
    sharp = Image.fromarray(np.indices((64, 64)).sum(axis=0).astype(np.uint8) % 2 * 255)
    assert np.ptp(np.asarray(camera.softened(sharp, 0.5))) < 128
    assert camera.softened(sharp, 0.5).size == (64, 64)


def test_jpeg_at_low_quality():
    image = np.asarray(camera.compressed(gray(), 10))
    assert 0 < np.abs(image.astype(int) - np.asarray(gray())).max() < 40
