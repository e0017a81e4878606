"""Every kind of image becomes the same array; every bad one a line that says what to do."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isotrope.io.images import (
    ImageError,
    find_images,
    image_sources,
    image_suffixes,
    load_pixels,
    load_unit,
)

GREY = np.array([[0, 51, 102], [153, 204, 255]], dtype=np.uint8)  # (2, 3)
EXPECTED = np.repeat((GREY / 255).astype(np.float32)[..., None], 3, axis=-1)


def grey(mode="L"):
    return Image.fromarray(GREY).convert(mode)


def assert_close(actual, expected, atol=1e-6):
    expected = np.asarray(expected, np.float32)
    assert (actual.shape, actual.dtype) == (expected.shape, np.float32)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("mode", ["L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "I", "F"])
def test_modes_that_hold_grey_exactly(mode):
    # Pillow reaches the premultiplied modes only through their plain forms.
    source = grey(mode.upper()).convert(mode) if mode.endswith("a") else grey(mode)
    assert source.mode == mode
    assert_close(load_unit(source), EXPECTED)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_of_other_color_spaces(mode):
    assert_close(load_unit(grey("RGB").convert(mode)), EXPECTED, atol=0.02)


def test_one_bit(tmp_path):
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)).convert("1")
    bits.save(tmp_path / "bits.png")
    image = load_unit(tmp_path / "bits.png")
    assert image.tolist() == [[[0] * 3, [1] * 3], [[1] * 3, [0] * 3]]


def test_palette_with_a_transparent_color_lies_over_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 255, 0, 0])
    palette.putdata([0, 1])
    palette.save(tmp_path / "palette.gif", transparency=0)
    palette.save(tmp_path / "palette.png", transparency=0)
    for name in ("palette.gif", "palette.png"):
        image = load_unit(tmp_path / name)
        assert image.tolist() == [[[1, 1, 1], [1, 0, 0]]]


def test_palette_without_transparency():
    palette = Image.new("P", (1, 1))
    palette.putpalette([10, 20, 30])
    assert_close(load_unit(palette)[0, 0], np.array([10, 20, 30]) / 255)


def test_alpha_is_composited_over_white():
    image = load_unit(Image.new("RGBA", (1, 1), (255, 0, 0, 51)))
    assert_close(image[0, 0], [1, 0.8, 0.8])
    image = load_unit(Image.new("LA", (1, 1), (0, 0)))
    assert image.tolist() == [[[1, 1, 1]]]


def lettering(color, ground=(0, 0, 0, 0)):
    """A stroke with soft edges."""
    image = Image.new("RGBA", (9, 5), ground)
    image.paste((*color, 255), (2, 2, 7, 3))
    for place in ((1, 2), (7, 2)):
        image.putpixel(place, (*color, 128))
    return image


@pytest.mark.parametrize("color", [(255, 255, 255), (255, 255, 0), (150, 150, 150)])
def test_light_letters_on_transparency_lie_over_black(color):
    image = lettering(color)
    for source in (image, np.asarray(image), np.asarray(image) / 255):
        pixels = load_pixels(source)
        assert pixels[0, 0].tolist() == [0, 0, 0]
        assert pixels[2, 4].tolist() == list(color)
        assert pixels[2, 1].tolist() == [(value * 128 + 127) // 255 for value in color]


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 0, 0), (0, 0, 255), (120, 120, 120)])
def test_dark_letters_on_transparency_lie_over_white(color):
    assert load_pixels(lettering(color))[0, 0].tolist() == [255, 255, 255]


def test_paper_with_ink_and_transparent_corners_lies_over_white():
    page = lettering((20, 20, 20), (240, 235, 220, 255))
    page.putpixel((0, 0), (0, 0, 0, 0))
    assert load_pixels(page)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float64])
def test_the_ground_does_not_depend_on_the_turn(kind):
    """At the very threshold, where a sum in another order could decide otherwise."""
    rng = np.random.default_rng(2)
    for dark, black in ((4, True), (5, False)):
        values = np.full((10, 10, 4), 0.9)
        values[..., 3] = 0.1
        values.reshape(100, 4)[rng.permutation(100)[:dark], :3] = 0
        image = values if kind is np.float64 else (values * np.iinfo(kind).max).astype(kind)
        expected = load_pixels(image)
        assert (expected.max() < 50) == black
        for turns in range(4):
            assert np.array_equal(load_pixels(np.rot90(image, turns)), np.rot90(expected, turns))
        assert np.array_equal(load_pixels(image[:, ::-1]), expected[:, ::-1])


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_sixteen_bits_keep_their_depth(mode):
    deep = np.array([[0, 1, 65535]], dtype=">u2" if mode == "I;16B" else "<u2")
    image = load_unit(Image.frombytes(mode, (3, 1), deep.tobytes()))
    assert_close(image[0, :, 0], [0, 1 / 65535, 1])


def test_sixteen_bit_files(tmp_path):
    deep = Image.fromarray(np.array([[0, 1000], [40000, 65535]], dtype=np.uint16))
    expected = np.array([[0, 1000], [40000, 65535]]) / 65535
    for name in ("deep.png", "deep.tif"):
        deep.save(tmp_path / name)
        assert_close(load_unit(tmp_path / name)[..., 1], expected)


@pytest.mark.parametrize(
    ("values", "white"),
    [([0, 255], 255), ([0, 256], 65535), ([0.0, 1.0], 1), ([0.0, 128.0], 255), ([0.5, 300], 65535)],
)
def test_thirty_two_bits_find_their_white(values, white):
    kind = np.int32 if isinstance(values[1], int) and isinstance(values[0], int) else np.float32
    image = load_unit(Image.fromarray(np.array([values], dtype=kind)))
    assert_close(image[0, :, 0], np.array(values) / white)


def test_thirty_two_bits_out_of_range():
    for values in ([-1, 5], [0, 70000]):
        with pytest.raises(ImageError, match=r"values from .* 0 to 65535: rescale it"):
            load_unit(Image.fromarray(np.array([values], dtype=np.int32)))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp", "a.webp", "a.gif", "a.ppm"])
def test_file_kinds(tmp_path, name):
    Image.new("RGB", (5, 4), (200, 100, 0)).save(tmp_path / name)
    image = load_unit(str(tmp_path / name))
    assert image.shape == (4, 5, 3)
    assert_close(image.mean((0, 1)), np.array([200, 100, 0]) / 255, atol=0.03)


def test_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("L", (2, 2), 255), Image.new("L", (2, 2), 0)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert load_unit(tmp_path / "moving.gif").min() == 1


@pytest.mark.parametrize(("tag", "turns"), [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_exif_orientation_is_applied(tmp_path, tag, turns):
    exif = Image.Exif()
    exif[0x0112] = tag
    grey().save(tmp_path / "turned.png", exif=exif)
    expected = np.rot90(EXPECTED, turns)
    assert_close(load_unit(tmp_path / "turned.png"), expected)
    with Image.open(tmp_path / "turned.png") as image:
        assert_close(load_unit(image), expected)


def test_a_broken_exif_block_does_not_refuse_the_image(tmp_path, monkeypatch):
    grey().save(tmp_path / "a.png", exif=b"Exif\0\0no TIFF header")
    assert_close(load_unit(tmp_path / "a.png"), EXPECTED)

    def broken(image):
        raise SyntaxError("not a TIFF file")

    exif = Image.Exif()
    exif[0x0112] = 6
    grey().save(tmp_path / "turned.png", exif=exif)
    monkeypatch.setattr("PIL.ImageOps.exif_transpose", broken)
    assert_close(load_unit(tmp_path / "turned.png"), EXPECTED)


@pytest.mark.parametrize(
    "array",
    [
        GREY,
        GREY[..., None],
        np.stack([GREY] * 3, -1),
        np.stack([GREY] * 3 + [np.full_like(GREY, 255)], -1),
        GREY.astype(np.uint16) * 257,
        (GREY.astype(np.uint16) * 257).astype(">u2"),
        GREY / 255,
        (GREY / 255).astype(np.float32),
        np.asfortranarray(GREY),
        GREY.astype(np.int32),
        GREY.astype(np.int64),
        EXPECTED,
    ],
)
def test_arrays(array):
    assert_close(load_unit(array), EXPECTED)
    assert np.array_equal(load_pixels(array), np.stack([GREY] * 3, -1))


def test_bool_and_half_precision():
    assert load_unit(GREY > 100)[..., 0].tolist() == [[0, 0, 1], [1, 1, 1]]
    assert_close(load_unit(EXPECTED.astype(np.float16)), EXPECTED, atol=5e-4)


def test_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(GREY)
    for source in (
        tensor.long(),
        tensor.expand(3, -1, -1),
        tensor[None],
        tensor / 255,
        (tensor.double() / 255).expand(3, -1, -1).requires_grad_(),
    ):
        assert_close(load_unit(source), EXPECTED)
    assert_close(load_unit((tensor / 255).bfloat16()), EXPECTED, atol=5e-3)


class Pipe:
    """A binary stream that cannot be rewound, as a socket or standard input."""

    def __init__(self, content):
        self.read = io.BytesIO(content).read


def test_the_bytes_of_a_file_and_file_objects(tmp_path):
    grey().save(tmp_path / "grey.png")
    content = (tmp_path / "grey.png").read_bytes()
    with (tmp_path / "grey.png").open("rb") as file:
        for source in (content, io.BytesIO(content), file, file, Pipe(content)):  # file: rewound
            assert_close(load_unit(source), EXPECTED)
    assert np.array_equal(load_pixels(io.BytesIO(content)), np.stack([GREY] * 3, -1))


def test_what_is_one_image_and_what_is_many():
    torch = pytest.importorskip("torch")
    ones = ("a.png", Path("a.png"), b"", grey(), GREY, torch.zeros(3, 4, 4), io.BytesIO())
    for one in ones:
        assert image_sources(one) == [one]
    for many in ([], ("a.png",), iter(ones)):
        assert image_sources(many) is many


@pytest.mark.parametrize("load", [load_pixels, load_unit])
def test_what_is_loaded_is_contiguous_and_not_shared(load):
    kinds = (np.uint8, np.float32)
    for array in [np.zeros((2, 3, *depth), kind) for depth in ((), (1,), (3,)) for kind in kinds]:
        for source in (array, array[::-1], np.asfortranarray(array)):
            loaded = load(source)
            assert loaded.flags.c_contiguous
            loaded[:] = 1
            assert not array.any()
        array.flags.writeable = False
        load(array)[:] = 1
    file = io.BytesIO()
    grey("RGB").save(file, "png")
    load(file.getvalue())[:] = 1


ARRAYS = {
    "every color under every alpha": np.stack(
        [*np.broadcast_arrays(*[np.arange(256, dtype=np.uint8)[:, None]] * 3, np.arange(256))], -1
    ).astype(np.uint8),
    "every value of 16 bits": np.arange(65536, dtype=np.uint16).reshape(256, 256),
    "floats": np.random.default_rng(0).random((31, 17, 4)),
    "bits": np.random.default_rng(0).random((5, 7)) > 0.5,
    "grey and alpha": Image.fromarray(np.full((3, 4, 2), 77, np.uint8), "LA"),
    "palette": Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).convert("P"),
}


@pytest.mark.parametrize("source", ARRAYS.values(), ids=ARRAYS)
def test_pixels_are_the_floats_rounded(source):
    pixels = load_pixels(source)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.rint(255 * load_unit(source)))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_loading_pixels_commutes_with_turns_and_mirrors(turns):
    array = np.random.default_rng(1).random((5, 8, 4))
    for source, mirrored in ((array, False), (array[:, ::-1], True)):
        expected = load_pixels(array)[:, ::-1] if mirrored else load_pixels(array)
        assert np.array_equal(load_pixels(np.rot90(source, turns)), np.rot90(expected, turns))


def test_find_images_in_natural_order(tmp_path):
    names = ["b10.png", "b2.PNG", "a/2.jpg", "a/10.jpg", "x.txt", ".hidden.png", "c.JPEG"]
    (tmp_path / "a").mkdir()
    (tmp_path / "folder.png").mkdir()
    for name in names:
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
    assert found == ["a/2.jpg", "a/10.jpg", "b2.PNG", "b10.png", "c.JPEG"]


def test_hidden_folders_are_not_walked_unless_named(tmp_path):
    for name in (".git/a.png", "a/.thumbnails/b.png", "a/._c.jpg", "a/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_images(tmp_path) == [tmp_path / "a/d.png"]
    assert find_images(tmp_path / ".git") == [tmp_path / ".git/a.png"]


@pytest.mark.parametrize("suffix", [".avif", ".jp2", ".webp", ".png", ".JPG", ".tif", ".pnm"])
def test_what_can_be_opened_is_found_in_folders(tmp_path, suffix):
    if suffix.lower() not in Image.registered_extensions():
        pytest.skip(f"this Pillow has no {suffix}")
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (64, 48), (200, 100, 0)).save(path)
    assert find_images(tmp_path) == [path]
    assert load_pixels(path).shape == (48, 64, 3)


def test_documents_data_and_films_are_no_images():
    assert not image_suffixes() & {".pdf", ".eps", ".ps", ".h5", ".mpg", ".wmf", ".txt", ""}


def test_postscript_is_not_run(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    with pytest.raises(ImageError, match="EPS, not a picture; save it as PNG"):
        load_pixels(tmp_path / "a.eps")


def test_find_images_with_pdf_files(tmp_path):
    for name in ("2.PDF", "10.png", ".a.pdf"):
        (tmp_path / name).touch()
    assert find_images(tmp_path) == [tmp_path / "10.png"]
    assert find_images(tmp_path, pdf=True) == [tmp_path / "2.PDF", tmp_path / "10.png"]


def test_find_images_where_there_are_none(tmp_path):
    (tmp_path / "x.txt").touch()
    with pytest.raises(ImageError, match="no images in this folder; it must hold PNG, JPEG, TIFF"):
        find_images(tmp_path)
    with pytest.raises(ImageError, match="no such folder"):
        find_images(tmp_path / "missing")
