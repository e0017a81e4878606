"""Every kind of image becomes the same tensor; every bad one a line that says what to do."""

import contextlib
import io
import os

import numpy as np
import pytest
import torch
from PIL import Image

from isotrope.data.images import ImageError, find_images, load_image, prepare

GREY = np.array([[0, 51, 102], [153, 204, 255]], dtype=np.uint8)  # (2, 3)
EXPECTED = torch.from_numpy(GREY / 255).float().expand(3, 2, 3)


def grey(mode="L"):
    return Image.fromarray(GREY).convert(mode)


def photo(width=60, height=40):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "I", "F"])
def test_modes_that_hold_grey_exactly(mode):
    # Pillow reaches the premultiplied modes only through their plain forms.
    source = grey(mode.upper()).convert(mode) if mode.endswith("a") else grey(mode)
    assert source.mode == mode
    torch.testing.assert_close(load_image(source), EXPECTED)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB"])
def test_modes_of_other_colour_spaces(mode):
    torch.testing.assert_close(load_image(grey("RGB").convert(mode)), EXPECTED, atol=0.02, rtol=0)


def test_one_bit(tmp_path):
    bits = Image.fromarray(np.array([[0, 255], [255, 0]], dtype=np.uint8)).convert("1")
    bits.save(tmp_path / "bits.png")
    image = load_image(tmp_path / "bits.png")
    assert image.tolist() == [[[0, 1], [1, 0]]] * 3


def test_palette_with_a_transparent_colour_lies_over_white(tmp_path):
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 255, 0, 0])
    palette.putdata([0, 1])
    palette.save(tmp_path / "palette.gif", transparency=0)
    palette.save(tmp_path / "palette.png", transparency=0)
    for name in ("palette.gif", "palette.png"):
        image = load_image(tmp_path / name)
        assert image[:, 0, 0].tolist() == [1, 1, 1]
        assert image[:, 0, 1].tolist() == [1, 0, 0]


def test_palette_without_transparency():
    palette = Image.new("P", (1, 1))
    palette.putpalette([10, 20, 30])
    torch.testing.assert_close(load_image(palette)[:, 0, 0], torch.tensor([10.0, 20.0, 30.0]) / 255)


def test_alpha_is_composited_over_white():
    image = load_image(Image.new("RGBA", (1, 1), (255, 0, 0, 51)))
    torch.testing.assert_close(image[:, 0, 0], torch.tensor([1.0, 0.8, 0.8]))
    image = load_image(Image.new("LA", (1, 1), (0, 0)))
    assert image.tolist() == [[[1.0]]] * 3


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
def test_sixteen_bits_keep_their_depth(mode):
    deep = np.array([[0, 1, 65535]], dtype=">u2" if mode == "I;16B" else "<u2")
    image = load_image(Image.frombytes(mode, (3, 1), deep.tobytes()))
    torch.testing.assert_close(image[0, 0], torch.tensor([0, 1 / 65535, 1]))


def test_sixteen_bit_files(tmp_path):
    deep = Image.fromarray(np.array([[0, 1000], [40000, 65535]], dtype=np.uint16))
    expected = torch.tensor([[0, 1000], [40000, 65535]]) / 65535
    for name in ("deep.png", "deep.tif"):
        deep.save(tmp_path / name)
        torch.testing.assert_close(load_image(tmp_path / name)[1], expected)


@pytest.mark.parametrize(
    ("values", "white"),
    [([0, 255], 255), ([0, 256], 65535), ([0.0, 1.0], 1), ([0.0, 128.0], 255), ([0.5, 300], 65535)],
)
def test_thirty_two_bits_find_their_white(values, white):
    kind = np.int32 if isinstance(values[1], int) and isinstance(values[0], int) else np.float32
    image = load_image(Image.fromarray(np.array([values], dtype=kind)))
    torch.testing.assert_close(image[0, 0], torch.tensor(values).float() / white)


def test_thirty_two_bits_out_of_range():
    for values in ([-1, 5], [0, 70000]):
        with pytest.raises(ImageError, match=r"values from .* 0 to 65535: rescale it"):
            load_image(Image.fromarray(np.array([values], dtype=np.int32)))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.bmp", "a.webp", "a.gif", "a.ppm"])
def test_file_kinds(tmp_path, name):
    Image.new("RGB", (5, 4), (200, 100, 0)).save(tmp_path / name)
    image = load_image(str(tmp_path / name))
    assert image.shape == (3, 4, 5)
    assert image.dtype == torch.float32
    torch.testing.assert_close(
        image.mean((1, 2)), torch.tensor([200, 100, 0]) / 255, atol=0.03, rtol=0
    )


def test_the_first_frame_is_taken(tmp_path):
    frames = [Image.new("L", (2, 2), 255), Image.new("L", (2, 2), 0)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert load_image(tmp_path / "moving.gif").min() == 1


@pytest.mark.parametrize(("tag", "turns"), [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_exif_orientation_is_applied(tmp_path, tag, turns):
    exif = Image.Exif()
    exif[0x0112] = tag
    grey().save(tmp_path / "turned.png", exif=exif)
    expected = torch.rot90(EXPECTED, turns, (-2, -1))
    torch.testing.assert_close(load_image(tmp_path / "turned.png"), expected)
    with Image.open(tmp_path / "turned.png") as image:
        torch.testing.assert_close(load_image(image), expected)


def test_a_broken_exif_block_does_not_refuse_the_image(tmp_path, monkeypatch):
    grey().save(tmp_path / "a.png", exif=b"Exif\0\0no TIFF header")
    torch.testing.assert_close(load_image(tmp_path / "a.png"), EXPECTED)

    def broken(image):
        raise SyntaxError("not a TIFF file")

    monkeypatch.setattr("PIL.ImageOps.exif_transpose", broken)
    torch.testing.assert_close(load_image(grey()), EXPECTED)


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
        torch.from_numpy(GREY).long(),
        torch.from_numpy(GREY).expand(3, -1, -1),
        torch.from_numpy(GREY)[None],
        torch.from_numpy(GREY / 255),
        EXPECTED,
        EXPECTED.double().requires_grad_(),
    ],
)
def test_arrays_and_tensors(array):
    torch.testing.assert_close(load_image(array), EXPECTED)


def test_bool_and_half_precision():
    assert load_image(GREY > 100)[0].tolist() == [[0, 0, 1], [1, 1, 1]]
    torch.testing.assert_close(load_image(EXPECTED.bfloat16()), EXPECTED, atol=5e-3, rtol=0)


def test_a_loaded_array_is_not_shared():
    array = np.zeros((2, 2), dtype=np.float32)
    load_image(array)[:] = 1
    assert not array.any()
    array.flags.writeable = False
    load_image(array)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2), np.int16), r"type int16; it must be uint8"),
        (np.array([[0, 256]]), r"int64 values from 0 to 256; they must be in 0 to 255: rescale"),
        (np.array([[-1, 9]], np.int32), r"int32 values from -1 to 9; they must be in 0 to 255"),
        (np.full((2, 2), 255.0), r"from 255 to 255; they must be in \[0, 1\]: divide"),
        (np.full((2, 2), np.nan), r"from nan to nan; they must be in"),
        (np.zeros((2, 2, 5), np.uint8), r"shape \(2, 2, 5\); it must be \(H, W\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\); it must be"),
        (np.zeros((0, 4), np.uint8), r"4x0 px: an image without pixels"),
        (torch.zeros(32, 32, 3), r"a tensor of shape \(32, 32, 3\); it must be \(3, H, W\)"),
        (torch.zeros(2, 3, 8, 8), r"shape \(2, 3, 8, 8\)"),
    ],
)
def test_bad_arrays(array, message):
    with pytest.raises(ImageError, match=message):
        load_image(array)


@pytest.mark.parametrize("source", [None, 3, b"png"])
def test_other_types(source):
    with pytest.raises(TypeError, match="give a path, a PIL image, a numpy array or a torch"):
        load_image(source)


def problem(path):
    """The error of a bad file, which must be one line that names the file."""
    with pytest.raises(ImageError) as caught:
        load_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.source == str(path)
    return message


def test_missing_empty_folder_and_text(tmp_path):
    assert "no such file; check the path" in problem(tmp_path / "missing.png")
    (tmp_path / "empty.png").touch()
    assert "an empty file; save or copy it again" in problem(tmp_path / "empty.png")
    assert "a folder, not an image; give the files" in problem(tmp_path)
    (tmp_path / "text.png").write_text("Straße, not an image", encoding="utf-8")
    assert "text, not an image" in problem(tmp_path / "text.png")
    (tmp_path / "noise.png").write_bytes(bytes(range(256)))
    assert "no image that can be opened, or a broken one" in problem(tmp_path / "noise.png")
    (tmp_path / "file").touch()
    assert "cannot be opened (Not a directory)" in problem(tmp_path / "file" / "a.png")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("WEBP", {}),
        ("PPM", {}),
    ],
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_files_cut_short_are_errors_and_not_half_pictures(tmp_path, kind, options, share):
    data = encoded(photo(), kind, **options)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * share)])
    assert "broken" in problem(path)


def test_every_cut_of_a_png_header_is_an_image_error(tmp_path):
    data = encoded(photo(), "PNG")
    path = tmp_path / "cut.png"
    for length in range(1, 60):
        path.write_bytes(data[:length])
        problem(path)


def test_flipped_bytes_never_escape_as_other_errors(tmp_path):
    rng = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP"):
        good = np.frombuffer(encoded(photo(8, 6), kind), dtype=np.uint8)
        for _ in range(40):
            bad = good.copy()
            places = rng.integers(0, min(len(bad), 120), 4)
            bad[places] = rng.integers(0, 256, 4)
            (tmp_path / "bad").write_bytes(bad.tobytes())
            with contextlib.suppress(ImageError):
                assert load_image(tmp_path / "bad").shape[0] == 3


@pytest.mark.parametrize("limit", [100, 1500])  # Pillow refuses the first, warns of the second.
def test_too_many_pixels(tmp_path, monkeypatch, limit):
    photo().save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert f"more than {limit} px" in problem(tmp_path / "large.png")
    assert "raise PIL.Image.MAX_IMAGE_PIXELS" in problem(tmp_path / "large.png")


def test_a_broken_pil_image(tmp_path):
    data = encoded(photo(), "JPEG")
    with (
        Image.open(io.BytesIO(data[: len(data) // 2])) as image,
        pytest.raises(ImageError, match="broken or cut short"),
    ):
        load_image(image)


SIZES = [(48, 48), (47, 161), (33, 400), (7, 9), (2, 20), (301, 150), (64, 65), (1000, 91)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_prepare_commutes_with_turns_and_mirrors(size, turns):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    for flipped in (image, image.flip(-1)):
        turned = torch.rot90(flipped, turns, (-2, -1))
        expected = prepare(image, 32, 8, 16)
        expected = expected.flip(-1) if flipped is not image else expected
        expected = torch.rot90(expected, turns, (-2, -1))
        actual = prepare(turned, 32, 8, 16)
        assert actual.shape == expected.shape
        assert (actual - expected).abs().max() < 1e-6


def test_prepare_commutes_on_the_longest_line():
    image = torch.rand(3, 625, 10000, generator=torch.Generator().manual_seed(0))
    error = prepare(image.rot90(2, (-2, -1)), 32, 8, 16) - prepare(image, 32, 8, 16).rot90(
        2, (-2, -1)
    )
    assert error.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), (32, 32)),
        ((32, 35), (32, 32)),
        ((32, 36), (32, 40)),  # half-way between 32 and 40: up
        ((32, 44), (32, 48)),  # half-way between 40 and 48: up
        ((64, 1024), (32, 512)),
        ((1024, 64), (512, 32)),
        ((5, 6), (32, 40)),
        ((100, 101), (32, 32)),
    ],
)
def test_prepared_size(size, expected):
    image = prepare(torch.rand(3, *size), 32, 8, 16)
    assert image.shape == (3, *expected)
    assert image.dtype == torch.float32
    assert image.min() >= 0
    assert image.max() <= 1


def test_prepare_keeps_an_image_of_the_right_size():
    image = torch.rand(3, 32, 96)
    torch.testing.assert_close(prepare(image, 32, 8, 16), image)


def test_prepare_refuses_what_cannot_be_read():
    for rows, columns in [(1, 1), (1, 30), (30, 1)]:
        with pytest.raises(ImageError, match=rf"^{columns}x{rows} px: too small .* at least 2 px"):
            prepare(torch.rand(3, rows, columns), 32, 8, 16)
    message = "20000x48 px is 416.7 times longer than high; the reader takes up to 16: cut it into"
    with pytest.raises(ImageError, match=message):
        prepare(torch.zeros(3, 48, 20000), 32, 8, 16)
    with pytest.raises(ImageError, match=r"48x20000 px is 416\.7 times higher than wide"):
        prepare(torch.zeros(3, 20000, 48), 32, 8, 16)


def test_find_images_in_natural_order(tmp_path):
    names = ["b10.png", "b2.PNG", "a/2.jpg", "a/10.jpg", "x.txt", ".hidden.png", "c.JPEG"]
    (tmp_path / "a").mkdir()
    (tmp_path / "folder.png").mkdir()
    for name in names:
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in find_images(tmp_path)]
    assert found == ["a/2.jpg", "a/10.jpg", "b2.PNG", "b10.png", "c.JPEG"]


def test_find_images_keeps_what_cannot_be_opened(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "missing")
    os.mkfifo(tmp_path / "b.png")
    assert find_images(tmp_path) == [tmp_path / "a.png", tmp_path / "b.png"]
    assert "a link to a file that is not there; mend" in problem(tmp_path / "a.png")
    assert "a device or a pipe, not an image; save" in problem(tmp_path / "b.png")


def test_find_images_where_there_are_none(tmp_path):
    (tmp_path / "x.txt").touch()
    with pytest.raises(ImageError, match="no images in this folder; it must hold files of bmp gif"):
        find_images(tmp_path)
    with pytest.raises(ImageError, match="no such folder"):
        find_images(tmp_path / "missing")
