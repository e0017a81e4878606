"""Painting rendered samples in batches: where they belong, and as the seed says."""

import numpy as np
import torch

from isotrope.data.synthetic.outlines import Outline
from isotrope.training.rendered import Rendered, painted, to_paint


def rendered(width: int, seed: int = 1, height: int = 48) -> Rendered:
    masks = np.zeros((2, height, width), np.uint8)
    masks[0, height // 4 : -height // 4, width // 4 : -width // 4] = 255
    centers = np.zeros((1, 2), np.float32)
    return Rendered(Outline(masks, "I", centers, "family", "scene", 1.0), seed)


def batch(rows: list[Rendered | None], width: int = 96) -> dict:
    return {"pixels": torch.full((len(rows), 3, 48, width), 7, dtype=torch.uint8), **to_paint(rows)}


def test_rows_are_painted_and_the_others_left():
    done = painted(batch([None, rendered(96), None, rendered(40)]))
    assert set(done) == {"pixels"}
    assert (done["pixels"][[0, 2]] == 7).all()
    assert all(done["pixels"][row].float().std() > 1 for row in (1, 3))


def test_the_first_seed_decides():
    one, same = (painted(batch([rendered(96, 5), rendered(48, 6)]))["pixels"] for _ in range(2))
    other = painted(batch([rendered(96, 7), rendered(48, 6)]))["pixels"]
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_batch_without_any_stays_as_it_is():
    assert (painted(batch([None, None]))["pixels"] == 7).all()


def test_masks_take_another_size():
    smaller = rendered(96).sized((24, 48))
    assert smaller.size == (24, 48)
    masks = smaller.outline.masks
    assert masks.dtype == np.uint8
    assert masks[0, 12, 24] == 255
    assert masks[0, 0, 0] == masks[1].max() == 0
    assert rendered(96).sized((48, 96)).size == (48, 96)
