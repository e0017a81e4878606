"""Every batched operation: size, range, determinism, and severity 0."""

import pytest
import torch

from isotrope.data.augment import (
    Degrade,
    bilevel,
    blocking,
    blur,
    contrast,
    light,
    low_resolution,
    noise,
    warp,
)

OPERATIONS = {
    operation.__name__: operation
    for operation in (bilevel, blocking, blur, contrast, light, low_resolution, noise, warp)
} | {"Degrade": Degrade(bilevel=0.5)}
each = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[(32, 3, 40, 90), (3, 3, 33, 17), (1, 3, 48, 8)])
def images(request):
    return torch.rand(request.param, generator=seeded(1))


@each
def test_images_keep_their_size_and_stay_in_range(operation, images):
    before = images.clone()
    for severity in (0.5, 1.0, 2.0):
        result = operation(images, seeded(), severity)
        assert result.shape == images.shape
        assert result.dtype == torch.float32
        assert bool(result.isfinite().all())
        assert result.min() >= 0
        assert result.max() <= 1
    assert torch.equal(images, before)  # never in place


@each
def test_the_generator_decides_everything(operation, images):
    first = operation(images, seeded(3))
    torch.manual_seed(5)
    assert torch.equal(operation(images, seeded(3)), first)


@each
def test_other_seeds_give_other_images(operation):
    images = torch.rand(32, 3, 40, 90, generator=seeded(1))
    assert not torch.equal(operation(images, seeded(3)), operation(images, seeded(4)))


@each
def test_severity_0_leaves_its_images_unchanged(operation):
    images = torch.rand(32, 3, 24, 50, generator=seeded(1)) * 0.9 + 0.05
    severity = torch.tensor([0.0, 1.0]).repeat(16)
    result = operation(images, seeded(), severity)
    assert torch.allclose(result[::2], images[::2], atol=1e-6)
    assert not torch.allclose(result[1::2], images[1::2], atol=1e-2)


@each
def test_a_negative_severity_is_named(operation):
    with pytest.raises(ValueError, match=r"severity=-1.0 is negative"):
        operation(torch.rand(2, 3, 16, 16), seeded(), -1.0)
