"""Real images shown otherwise: of their size, within black and white, and as the draw says."""

import numpy as np
import pytest
import torch

from isotrope.training.variation import (
    cropped_and_recolored,
    sheared_and_relit,
    warped,
    with_wrong_tokens,
)


@pytest.mark.parametrize("varied", [sheared_and_relit, cropped_and_recolored, warped])
@pytest.mark.parametrize("size", [(48, 300), (20, 20), (9, 40)])
def test_a_variation_is_an_image_that_its_draw_alone_decides(varied, size):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    first, again, other = (varied(image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.allclose(first, other)
    assert first.min() >= 0
    assert first.max() <= 1
    assert all(abs(a - b) <= 0.13 * min(size) for a, b in zip(first.shape[1:], size, strict=True))


def test_strokes_become_thicker_and_thinner():
    image = torch.ones(3, 48, 96)
    image[:, :, 47:50] = 0  # one stroke of three pixels
    ink = [(1 - warped(image, np.random.default_rng(seed))).sum() / 48 / 3 for seed in range(40)]
    assert min(ink) < 2.4
    assert max(ink) > 3.6


def test_warping_leaves_paper_as_it_is():
    paper = torch.full((3, 48, 200), 0.8)
    assert torch.allclose(warped(paper, np.random.default_rng(0)), paper)


def test_mistakes_replace_characters_and_no_start_end_or_padding():
    tokens = torch.full((4, 500), 9)
    tokens[:, ::5] = torch.tensor([0, 1, 2, 1])[:, None]
    written = with_wrong_tokens(tokens, 0.5, vocabulary=20)
    assert torch.equal(written[:, ::5], tokens[:, ::5])
    changed = (written != tokens).float().mean() / 0.8
    assert 0.4 < changed < 0.6
    assert written.max() < 20
    assert torch.equal(with_wrong_tokens(tokens, 0.0, vocabulary=20), tokens)
