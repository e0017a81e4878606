"""JPEG's rounding, against the real encoder and at its limits."""

import io

import numpy as np
import torch
from PIL import Image

from isotrope.data.augment.blocking import _cosines, jpeg


def smooth(seed: int, size: tuple[int, int]) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 9, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)


def test_the_cosines_are_orthonormal():
    waves = _cosines(torch.zeros(1, dtype=torch.float64))
    assert torch.allclose(waves @ waves.T, torch.eye(64, dtype=torch.float64), atol=1e-12)


def test_the_error_is_that_of_a_real_encoder():
    for quality in (15, 50, 90):
        image = smooth(quality, (48, 80))
        ours = jpeg(image, torch.tensor([float(quality)]))
        pixels = (255 * image[0].permute(1, 2, 0)).round().byte().numpy()
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=2)
        theirs = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 255
        lost, difference = (ours - image).std(), (ours[0] - theirs).std()
        assert difference < 0.35 * lost + 0.004


def test_high_quality_keeps_and_low_quality_loses():
    image = smooth(0, (40, 56))
    errors = [(jpeg(image, torch.tensor([q])) - image).abs().mean() for q in (100.0, 60.0, 5.0)]
    assert errors[0] < errors[1] < errors[2]
    assert errors[0] < 0.015  # color at half the resolution


def test_blocks_start_where_the_corner_says():
    """In a ramp of low quality, steps lie at the blocks' borders."""
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 3, 16, 64).contiguous()
    for left in (0, 3):
        row = jpeg(ramp, torch.tensor([1.0]), (0, left))[0, 1, 0]
        steps = row.diff().abs().topk(3).indices + 1
        assert all((int(step) + left) % 8 == 0 for step in steps)
