"""Views of photographs: the middle one turns with the image, random ones stay within it."""

import numpy as np
import pytest
import torch

from isotrope.data.views import middle, random_box, random_view

PHOTO = np.random.default_rng(0).integers(0, 256, (61, 90, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(61, 90), (90, 61), (64, 64), (20, 33)])
def test_the_middle_turns_and_mirrors_with_the_image(size):
    photo = PHOTO[:61, :61].repeat(2, axis=0).repeat(2, axis=1)[: size[0], : size[1]]
    view = middle(photo, 32)
    assert view.shape == (3, 32, 32)
    assert view.dtype == torch.uint8
    for k in range(4):
        assert torch.equal(middle(np.rot90(photo, k), 32), torch.rot90(view, k, (1, 2)))
    assert torch.equal(middle(photo[:, ::-1], 32), view.flip(2))


def test_the_middle_is_the_middle():
    photo = np.zeros((10, 30, 3), np.uint8)
    photo[:, 10:20] = (50, 100, 150)
    assert (middle(photo, 6)[:, 2:4, 2:4] == torch.tensor([50, 100, 150])[:, None, None]).all()


@pytest.mark.parametrize("size", [(60, 90), (3, 200), (1, 1)])
def test_cuts_lie_in_the_image_and_have_its_area_in_part(size):
    rng, (rows, columns) = np.random.default_rng(0), size
    boxes = [random_box(rows, columns, rng) for _ in range(200)]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= columns
        assert 0 <= top < bottom <= rows
    if size == (60, 90):
        shares = [(r - x) * (b - t) / (rows * columns) for x, t, r, b in boxes]
        aspects = [(r - x) / (b - t) for x, t, r, b in boxes]
        assert min(shares) > 0.06
        assert 0.3 < np.mean(shares) < 0.5
        assert 0.7 < min(aspects) < 0.8
        assert 1.3 < max(aspects) < 1.4
        assert len(set(boxes)) > 190


def test_a_view_depends_on_its_generator_alone():
    first, again, other = (
        random_view(PHOTO, 16, np.random.default_rng(seed), recolor=True) for seed in (1, 1, 2)
    )
    assert first.shape == (3, 16, 16)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_views_are_mirrored_half_of_the_time():
    slope = np.repeat(np.linspace(0, 255, 90).astype(np.uint8)[None, :, None], 60, 0).repeat(3, 2)
    views = [random_view(slope, 16, np.random.default_rng(n)) for n in range(100)]
    rising = sum(int(view[0, 0, -1]) > int(view[0, 0, 0]) for view in views)
    assert 35 < rising < 65


def test_recoloring_makes_gray_solarized_or_blurred():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    views = [random_view(red, 8, np.random.default_rng(n), recolor=True) for n in range(60)]
    gray = sum(bool((view[0] == view[1]).all()) for view in views)
    dark = sum(int(view[0].float().mean()) < 90 and int(view[1].max()) < 40 for view in views)
    assert gray in range(8, 33)
    assert dark in range(8, 33)
    assert all(random_view(red, 8, np.random.default_rng(n))[1].max() == 0 for n in range(9))
