"""Maps and vectors at the image's resolution turn with the image, for every element."""

import pytest
import torch

from isotrope.equivariance import assert_equivariant, audit, equivariance_error
from isotrope.groups import group_from_name
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.heads import SegmentHead
from isotrope.models.heads.decode import Merge
from isotrope.models.segmenter import Segmenter, SegmenterConfig

STAGES = {
    "hybrid": [Stage("conv", 1, 8), Stage("gcsa", 1, 12, 2, stride=2), Stage("gsa", 1, 12, 2)],
    "U-Net": [Stage("plain", 1, 4), Stage("plain", 1, 8, stride=2), Stage("plain", 1, 8, stride=3)],
    "one stage": [Stage("gcsa", 1, 8, 2)],
}


def build(stages="hybrid", group="D4", patch=(8, 4, 2), norm="layer", **options):
    torch.manual_seed(0)
    backbone = EquivariantViTConfig(group, patch=patch, stages=STAGES[stages], norm=norm)
    model = Segmenter(SegmenterConfig(backbone, **options)).double()
    with torch.no_grad():  # a bias of zero would hide its errors
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("group", ["C1", "C4", "D1", "D2", "D4"])
@pytest.mark.parametrize("stages", STAGES)
@pytest.mark.parametrize("vectors", [False, True])
def test_maps_and_vectors_turn_with_the_image(stages, group, vectors):
    model = build(stages, group, maps=3, vectors=vectors)
    rows, columns = 2 * model.unit, 3 * model.unit
    image = torch.randn(2, 3, rows, columns, dtype=torch.float64)
    out = model(image)
    assert (out[0] if vectors else out).shape == (2, 3, rows, columns)
    if vectors:
        assert out[1].shape == (2, 2, rows, columns)
        assert out[1].std() > 0.01
    assert_equivariant(model, image, group_from_name(group), tol=1e-10)


@pytest.mark.parametrize("rows", [24, 48, 72])
def test_sizes_and_patches_of_other_strides(rows):
    model = build("U-Net", patch=(4, 2, 1), maps=1, norm="batch")
    model(torch.randn(4, 3, 24, 24, dtype=torch.float64))  # running statistics
    image = torch.randn(1, 3, rows, 36, dtype=torch.float64)
    assert_equivariant(model, image, model.group, tol=1e-10)


def test_vectors_alone():
    model = build(maps=0, vectors=True)
    image = torch.randn(1, 3, 16, 32, dtype=torch.float64)
    assert model(image).shape == (1, 2, 16, 32)
    assert_equivariant(model, image, model.group, tol=1e-10)


def test_a_group_of_turns_alone_is_not_equivariant_to_mirrors():
    model = build(group="C4")
    image = torch.randn(1, 3, 16, 32, dtype=torch.float64)
    errors = equivariance_error(model, image, group_from_name("D4"))
    assert max(errors[h] for h in range(4)) < 1e-10
    assert min(errors[h] for h in range(4, 8)) > 1e-3


class Shifted(Merge):
    """Puts coarse positions at the corner of the fine ones, as strides without symmetry do."""

    def forward(self, fine, coarse):
        return super().forward(fine, coarse).roll(1, 3)


def test_an_audit_finds_the_layer_that_breaks_it():
    model = build()
    assert audit(model, torch.randn(2, 3, 16, 32), model.group, tolerance=1e-10).ok
    model.head.decoder.merges[0].__class__ = Shifted
    report = audit(model, torch.randn(2, 3, 16, 32), model.group, tolerance=1e-10)
    assert report.first_broken.name == "head.decoder.merges.0"


def test_every_parameter_gets_a_gradient():
    model = build(vectors=True)
    maps, vectors = model(torch.randn(2, 3, 16, 32, dtype=torch.float64))
    (maps.square().sum() + vectors.square().sum()).backward()
    for name, parameter in model.named_parameters():
        if not name.endswith("k_proj.bias"):
            assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SegmentHead([8], [4], group_from_name("C4"), maps=0),
            "maps=0 without vectors gives nothing; give 1 or more",
        ),
        (
            lambda: SegmentHead([8, 8], [4, 6], group_from_name("C4")),
            r"strides=\(4, 6\) do not grow by whole factors; give the finest first",
        ),
        (
            lambda: SegmentHead([8, 8], [4], group_from_name("C4")),
            "2 dims and 1 strides; give one of each for every signal",
        ),
        (
            lambda: SegmenterConfig(EquivariantViTConfig("C1", frame="C4")),
            "frame='C4' of the backbone: maps and boxes would not turn with the image; leave",
        ),
        (
            lambda: SegmenterConfig(EquivariantViTConfig(classes=3)),
            "classes=3 of the backbone: a segmenter gives maps, no classes; leave it out",
        ),
        (
            lambda: build(maps=1).instances(torch.rand(3, 16, 16)),
            "maps=1, vectors=False: instances need a model with two maps",
        ),
    ],
)
def test_errors_name_value_rule_and_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_pyramid_of_another_height_is_refused():
    model = build()
    pyramid = model.backbone.features(torch.randn(1, 3, 16, 32, dtype=torch.float64))
    with pytest.raises(ValueError, match="2 signals for 3 strides; give one for each"):
        model.head(pyramid[1:])
