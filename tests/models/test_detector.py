"""From images of odd sizes to boxes, in float64, with random weights: they turn with the image."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

pytest.importorskip("skimage", reason="connected parts are scikit-image's")

from isotrope.equivariance import audit
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.models.boxes import Box, Finding, box_ious, boxes_of, find_boxes, turned_box
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.detector import Detector, DetectorConfig
from isotrope.models.heads import Objects

C4, D4 = CyclicGroup(4), DihedralGroup(4)


def build(group="D4", **options):
    torch.manual_seed(0)
    stages = [Stage("plain", 1, 6), Stage("gcsa", 1, 8, 2, stride=2)]
    backbone = EquivariantViTConfig(group, 3, (4, 2, 1), stages)
    model = Detector(DetectorConfig(backbone, finding=Finding(0.5, 0.0), **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def ordered(boxes):
    each = ((b.kind, *b.sides, b.confidence, *(b.arrow or ())) for b in boxes)
    return np.array(sorted(each))


@pytest.mark.parametrize("group", [C4, D4])
@pytest.mark.parametrize("size", [(26, 40), (21, 31)])
@pytest.mark.parametrize("directed", [False, True])
def test_boxes_of_a_turned_image_are_the_turned_boxes(group, size, directed, monkeypatch):
    model = build(group.name, classes=2, directed=directed).double()
    monkeypatch.setattr("isotrope.models.detector.stretched", torch.Tensor.double)
    image = torch.randn(3, *size, dtype=torch.float64)
    with torch.no_grad():  # random weights know no objects: call a third of the positions cores
        logits = model(torch.randn(1, 3, 24, 40, dtype=torch.float64)).core[0]
        model.head.say.bias[:2] -= logits.flatten(1).quantile(0.67, dim=1)
    found = model.boxes(image)
    assert len(found) > 5
    assert {box.kind for box in found} == {0, 1}
    for h in group.elements:
        expected = ordered(turned_box(box, h, size) for box in found)
        got = ordered(model.boxes(group.act_image(h, image)))
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    moved = ordered(turned_box(box, 1, size[::-1]) for box in found)
    assert np.abs(moved - ordered(found)).max() > 1


def test_an_audit_of_all_layers_passes():
    model = build(directed=True)
    assert audit(model, torch.randn(2, 3, 16, 24), D4, tolerance=1e-10).ok


@pytest.mark.parametrize("group", [C4, D4])
def test_a_box_is_where_its_core_and_sides_say(group):
    """At one position, 3 px to the right, 1 up, 2 left and 5 down."""
    reach = {(1, 0): 3.0, (0, -1): 1.0, (-1, 0): 2.0, (0, 1): 5.0}
    sides = torch.zeros(1, len(group), 4, 6, 1)
    for g in group.elements:
        sides[0, g] = np.log(reach[tuple(group.matrix(g)[:, 0].int().tolist())])
    core = torch.full((1, 2, 4, 6), -9.0)
    core[0, 1, 2, 3] = 9.0
    (box,) = find_boxes(Objects(core, sides), group, stride=4)
    assert box.sides == pytest.approx((14 - 2, 10 - 1, 14 + 3, 10 + 5))
    assert (box.kind, round(box.confidence, 3)) == (1, 1.0)
    assert box.arrow is None
    arrow = torch.tensor([0.5, -2.0]).view(1, 2, 1, 1).expand(1, 2, 4, 6)
    assert find_boxes(Objects(core, sides, arrow), group, 4) == [replace(box, arrow=(0.5, -2.0))]
    assert find_boxes(Objects(core, sides), group, 4, Finding(smallest=2)) == []


def test_a_turned_box_has_its_corners_turned():
    box = Box((1, 2, 4, 8), 0, 0.9)
    assert turned_box(box, 1, (10, 20)).sides == (2, 16, 8, 19)  # counter-clockwise
    assert turned_box(box, 2, (10, 20)).sides == (16, 2, 19, 8)
    assert turned_box(box, 4, (10, 20)).sides == (16, 2, 19, 8)
    assert turned_box(turned_box(box, 1, (10, 20)), 3, (20, 10)) == box
    assert turned_box(replace(box, arrow=(1, 0)), 1, (10, 20)).arrow == (0, -1)


def test_boxes_of_labels_and_their_overlaps():
    labels = np.zeros((6, 8), int)
    labels[1:3, 2:6], labels[4, 7] = 5, 9
    boxes = boxes_of(labels)
    assert boxes.tolist() == [[2, 1, 6, 3], [7, 4, 8, 5]]
    assert boxes_of(np.zeros((3, 3), int)).shape == (0, 4)
    other = np.array([[4.0, 1, 8, 3], [0, 0, 1, 1]])
    np.testing.assert_allclose(box_ious(boxes, other), [[4 / 12, 0], [0, 0]])


def test_saved_and_loaded_it_is_the_same_bit_for_bit(tmp_path):
    model = build(directed=True)
    model.save_pretrained(tmp_path)
    again = Detector.from_pretrained(tmp_path)
    assert DetectorConfig(**json.loads(json.dumps(asdict(model.config)))) == again.config
    image = torch.rand(1, 3, 16, 24)
    with torch.no_grad():
        for one, other in zip(model(image), again(image), strict=True):
            assert torch.equal(one, other)


def test_classes_of_the_backbone_are_refused():
    with pytest.raises(ValueError, match="classes=3 of the backbone: the classes of objects are"):
        DetectorConfig(EquivariantViTConfig(classes=3))
    with pytest.raises(ValueError, match="frame='C4' of the backbone: maps and boxes would not"):
        DetectorConfig(EquivariantViTConfig("C1", frame="C4"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_boxes_come_from_weights_of_any_dtype(dtype):
    model = build().to(dtype)
    with torch.no_grad():  # one core everywhere
        model.head.say.bias[0] += 9
    (box,) = model.boxes(torch.randint(0, 255, (3, 21, 31), dtype=torch.uint8))
    assert box.confidence > 0.9


def test_boxes_end_at_the_border_of_the_image():
    model = build()
    with torch.no_grad():  # one core everywhere, and sides far away
        model.head.say.bias[0] += 9
        model.head.say.bias[1:] += 9
    (box,) = model.boxes(torch.randint(0, 255, (3, 21, 31), dtype=torch.uint8))
    assert box.sides == (0, 0, 31, 21)


@pytest.mark.parametrize("threshold", [0, 1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(ValueError, match=f"threshold={threshold} is no probability between 0 and"):
        Finding(threshold)


def test_boxes_come_from_16_bits_and_from_one_image():
    model, rng = build(), torch.Generator().manual_seed(0)
    image = torch.randint(0, 2**16, (3, 31, 26), generator=rng, dtype=torch.int32)
    with torch.no_grad():
        model.head.say.bias[0] += 20
    found = model.boxes(image.to(torch.uint16))
    assert found
    assert found == model.boxes(image)
    with pytest.raises(ValueError, match=r"shape \(1, 3, 31, 26\) is not an image; give one, \(C"):
        model.boxes(image[None])
    with pytest.raises(ValueError, match=r"\(31, 26, 3\) has 31 channels and the model takes 3"):
        model.boxes(image.movedim(0, -1))
    with pytest.raises(ValueError, match="the model is in training mode; call its eval"):
        model.train().boxes(image)
