"""Shrinking: fine detail is lost, and what happens in small is seen by every image once."""

import torch

from isotrope.data.augment import low_resolution
from isotrope.data.augment.low_resolution import HEIGHTS, _levels


def test_detail_is_lost():
    checks = ((torch.arange(64)[:, None] + torch.arange(90)) % 2).float().expand(24, 3, -1, -1)
    result = low_resolution(checks, torch.Generator().manual_seed(0))
    assert float(result.std((1, 2, 3)).median()) < 0.2 < float(checks.std())


def test_every_image_is_seen_once_in_small_or_whole():
    images, seen = torch.rand(40, 3, 48, 60), []

    def note(small, places):
        assert len(small) == len(places)
        assert small.shape[2] <= 48
        seen.extend(places.tolist())
        return small

    low_resolution(images, torch.Generator().manual_seed(0), 0.7, note)
    assert sorted(seen) == list(range(40))


def test_levels_lie_within_the_table():
    generator = torch.Generator().manual_seed(0)
    levels = torch.cat([_levels(generator, count) for count in (1, 3, 5) for _ in range(50)])
    assert HEIGHTS[0] <= float(levels.min()) < 14
    assert 62 < float(levels.max()) <= HEIGHTS[-1]
