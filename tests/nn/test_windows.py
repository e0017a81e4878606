"""Means of neighboring positions."""

from __future__ import annotations

import pytest
import torch

from isotrope.nn.conv import to_lifted, to_planes
from isotrope.nn.windows import pool_positions


@pytest.mark.parametrize("from_filter", [False, True])
def test_means_keep_the_order_in_memory(from_filter):
    lifted = torch.randn(2, 4, 6, 10, 3, dtype=torch.float64)
    expected = lifted.unflatten(3, (5, 2)).unflatten(2, (3, 2)).mean((3, 5))
    if from_filter:  # what a filter returns is ordered otherwise
        lifted = to_lifted(to_planes(lifted), 4)
        assert not lifted.is_contiguous()
    pooled = pool_positions(lifted, 2)
    torch.testing.assert_close(pooled, expected)
    assert pooled.is_contiguous() != from_filter
