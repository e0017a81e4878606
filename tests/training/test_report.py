"""What the report of an adapter shows."""

import pytest

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

import torch

from isotrope.training.relabel import as_bytes
from isotrope.training.report import marked


def test_both_texts_are_marked_where_they_differ():
    assert marked("a<b", "a<b") == ("a&lt;b", "a&lt;b")
    assert marked("sun", "fun!") == ("<del>s</del>un", "<ins>f</ins>un<ins>!</ins>")
    assert marked("sun", "") == ("<del>sun</del>", "")


def test_an_image_becomes_bytes():
    image = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1).expand(3, 2, 4)
    assert as_bytes(image).shape == (2, 4, 3)
    assert as_bytes(image)[0, 0].tolist() == [0, 128, 255]
