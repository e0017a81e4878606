import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from isotrope.ocr.detection.components import components


def flooded(mask):
    """The components of a mask by flooding, one pixel at a time."""
    left, found = {tuple(place) for place in np.argwhere(mask).tolist()}, []
    while left:
        edge, group = [left.pop()], set()
        while edge:
            row, column = edge.pop()
            group.add((row, column))
            for beside in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                if beside in left:
                    left.remove(beside)
                    edge.append(beside)
        found.append(group)
    return found


@settings(deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.booleans()))
def test_components_are_those_of_flooding(mask):
    found = [
        set(zip(rows.tolist(), columns.tolist(), strict=True)) for rows, columns in components(mask)
    ]
    assert sorted(map(sorted, found)) == sorted(map(sorted, flooded(mask)))


def test_a_spiral_is_one_component():
    mask = np.zeros((41, 41), bool)
    for ring in range(0, 20, 4):
        mask[ring, ring : 41 - ring] = mask[ring : 41 - ring, 40 - ring] = True
        mask[40 - ring, ring : 41 - ring] = mask[ring + 2 : 41 - ring, ring] = True
        mask[ring + 2, ring : ring + 4] = mask[ring + 2 : ring + 5, ring + 3] = True
    ((rows, _),) = components(mask)
    assert len(rows) == mask.sum()


def test_a_mask_without_pixels_has_no_components():
    assert components(np.zeros((3, 4), bool)) == []
