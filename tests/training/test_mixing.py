"""Mixup and CutMix: pixels and labels in one proportion."""

import numpy as np
import pytest
import torch

from isotrope.training.mixing import mixed

LABELS = torch.tensor([0, 1, 2, 2])
IMAGES = torch.arange(4.0)[:, None, None, None].expand(4, 3, 20, 30).contiguous()


def shares_of(mixup, cutmix, seed):
    images, targets = mixed(IMAGES, LABELS, 3, np.random.default_rng(seed), mixup, cutmix)
    assert images.shape == IMAGES.shape
    torch.testing.assert_close(targets.sum(1), torch.ones(4))
    return images, targets


@pytest.mark.parametrize("how", [(0.8, 0.0), (0.0, 1.0), (0.8, 1.0)])
def test_labels_have_the_share_of_the_pixels(how):
    found = []
    for seed in range(30):
        images, targets = shares_of(*how, seed)
        # Image 0 is all 0 and its partner all 3, so the mean is the partner's share.
        share = 1 - images[0].mean() / 3
        torch.testing.assert_close(targets[0, 0], share, atol=1e-5, rtol=0)
        torch.testing.assert_close(targets[3, 2], share, atol=1e-5, rtol=0)
        assert targets[0, 2] == pytest.approx(1 - float(share), abs=1e-5)
        found.append((round(float(share), 4), images[0].unique().numel() > 1))
    assert len(set(found)) > 20
    cut = sum(cut for _, cut in found)
    if how == (0.8, 0.0):
        assert cut == 0, "mixup changes all pixels alike"
    elif how == (0.8, 1.0):
        assert 5 < cut < 25, "each by even chance"


def test_pixels_of_a_rectangle_come_from_the_partner():
    images, _ = shares_of(0.0, 1.0, 3)
    inside = images[0, 0] == 3
    assert inside.any()
    assert torch.equal(inside, inside.any(1)[:, None] & inside.any(0))
    assert torch.equal(images[0, 0] == 3, images[3, 0] == 0)
    assert IMAGES[0].max() == 0, "the batch itself is left as it is"


def test_off_it_gives_whole_labels():
    images, targets = shares_of(0.0, 0.0, 0)
    assert images is IMAGES
    assert targets.argmax(1).tolist() == LABELS.tolist()
    assert targets.max() == 1
