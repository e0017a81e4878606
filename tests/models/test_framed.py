"""Whatever is behind a frame is invariant: bit for bit, at every element, for any shape."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from isotrope import (
    CyclicGroup,
    DihedralGroup,
    EquivariantViT,
    EquivariantViTConfig,
    Stage,
    audit,
    equivariance_error,
)
from isotrope.models.framed import Confidence, Framed, small_front
from isotrope.nn import Orbit

from .vits import ODD, make_vit, noise

C4, D4 = CyclicGroup(4), DihedralGroup(4)


class Pooled(nn.Module):
    """A model that looks at places, and takes any size."""

    def __init__(self, channels=3, outputs=4):
        super().__init__()
        self.filters = nn.Conv2d(channels, outputs, 3, stride=2)

    def forward(self, images):
        maps = self.filters(images)
        ramp = torch.arange(maps.shape[2] * maps.shape[3]).view(maps.shape[2:])
        return (maps * ramp.sin()).mean((2, 3))


def changed(model, images, group):
    """The elements whose turn changes the output by a bit."""
    before = model(images)
    turned = ((g, model(group.act_image(g, images))) for g in group.elements)
    return [g for g, after in turned if not torch.equal(after, before)]


@pytest.mark.parametrize("group", [CyclicGroup(2), C4, DihedralGroup(1), D4], ids=repr)
@pytest.mark.parametrize("sizes", ODD)
def test_an_untouched_vit_becomes_invariant_bit_for_bit(group, sizes):
    vit = make_vit(sizes)
    images, framed = noise(vit), Framed(vit, group, in_channels=sizes[5])
    before = framed(images)
    assert framed.model is vit
    for g in group.elements:
        after = framed(group.act_image(g, images))
        assert torch.equal(after.logits, before.logits)
    # The control: the ViT itself is not.
    assert max(equivariance_error(vit, images, group).values()) > 1e-2


def test_a_group_by_name():
    vit = make_vit()
    assert Framed(vit, "D2").frame.group == DihedralGroup(2)
    assert Framed.by_confidence(vit, "C2").frame.group == CyclicGroup(2)


def test_the_vit_reads_the_image_turned_back():
    vit = make_vit()
    images, framed = noise(vit), Framed(vit)
    chosen = framed.frame(images).elements
    for image, g, logits in zip(images, chosen, framed(images).logits, strict=True):
        upright = C4.act_image(C4.inverse(g), image)
        torch.testing.assert_close(vit(upright[None]).logits[0], logits)


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
def test_images_that_are_not_square_keep_their_order(group):
    torch.manual_seed(0)
    framed = Framed(Pooled(), group, Orbit(Pooled(outputs=1), group)).double()
    images = torch.randn(9, 3, 12, 17, dtype=torch.float64)
    shapes = {image.shape for image in framed.frame(images).images}
    assert len(shapes) == 2  # some of the batch lie, some stand
    assert changed(framed, images, group) == []
    for number in range(9):
        torch.testing.assert_close(framed(images[[number]])[0], framed(images)[number])


def test_a_vit_of_one_size_that_is_not_square():
    vit = make_vit(image_size=(15, 25))
    framed, images = Framed(vit, D4, size=[15, 25]), noise(vit, 15, 25)
    before = framed(images).logits
    for g in D4.elements:
        assert torch.equal(framed(D4.act_image(g, images)).logits, before)
    with pytest.raises(ValueError, match=r"no element of .* 15x20 px to 15x25 px; resize"):
        framed(images[..., :20])


def test_symmetric_images_and_equal_scores():
    torch.manual_seed(0)

    class Flat(nn.Module):
        def forward(self, images):
            return images.new_zeros(len(images), 4)

    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    halves = images + images.rot90(2, (2, 3))  # a half turn leaves them as they are
    for framed in (Framed(Pooled().double()), Framed(Pooled().double(), C4, Flat())):
        assert changed(framed, halves, C4) == []
        assert changed(framed, images, C4) == []


def test_a_front_that_is_not_equivariant_fails():
    torch.manual_seed(0)
    askew = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64, 4))
    framed = Framed(Pooled(), C4, askew).double()
    assert changed(framed, torch.randn(8, 3, 8, 8, dtype=torch.float64), C4)


def test_by_confidence_reads_where_the_classifier_is_surest():
    vit = make_vit()
    images, framed = noise(vit, batch=5), Framed.by_confidence(vit, D4)
    before = framed(images).logits
    every = torch.stack([vit(D4.act_image(g, images)).logits for g in D4.elements])
    surest = every.log_softmax(2).amax(2).amax(0)
    torch.testing.assert_close(before.log_softmax(1).amax(1), surest)
    for g in D4.elements:
        assert torch.equal(framed(D4.act_image(g, images)).logits, before)
    with pytest.raises(ValueError, match="Identity does not return logits"):
        Confidence(nn.Identity())(images)


def test_images_of_other_channels_are_refused():
    message = "images have 1 channels and the frame's front takes 3; pass in_channels=1 to Framed"
    with pytest.raises(ValueError, match=message):
        Framed(Pooled(channels=1))(torch.rand(2, 1, 9, 12))
    assert Framed(Pooled(channels=1), in_channels=1)(torch.rand(2, 1, 9, 12)).shape == (2, 4)


def test_outputs_of_two_shapes_are_refused():
    framed = Framed(nn.Identity(), C4, Orbit(Pooled(outputs=1), C4)).double()
    images = torch.randn(9, 3, 5, 8, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"5x8 and 8x5 px have shapes .*; pass size="):
        framed(images)


def test_the_front_learns_which_way_is_up():
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 12)[:, None].expand(12, 12)  # dark above
    upright = ramp + 0.3 * torch.randn(64, 1, 12, 12)
    turns = torch.arange(64) % 4
    turned = torch.stack([C4.act_image(int(g), u) for g, u in zip(turns, upright, strict=True)])
    framed = Framed(nn.Identity(), in_channels=1)
    optimizer = torch.optim.Adam(framed.parameters(), 1e-2)
    for _ in range(60):
        loss = F.cross_entropy(framed.frame(turned).scores, turns)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(framed.eval()(turned), upright, rtol=0, atol=0)


def test_in_training_the_scores_get_a_gradient_and_the_model_the_turned_image():
    torch.manual_seed(0)
    framed = Framed(Pooled().double(), D4)
    images = torch.randn(4, 3, 9, 9, dtype=torch.float64)
    before = framed.eval()(images)
    loss = framed.train()(images)
    assert torch.equal(loss, before)
    loss.square().sum().backward()
    slopes = [p.grad.abs().max() for p in framed.frame.parameters() if p.grad is not None]
    assert max(slopes) > 0
    assert changed(framed, images, D4) == []


def test_a_trained_straight_through_gradient_is_that_of_the_mean_image():
    torch.manual_seed(0)
    framed = Framed(Pooled().double(), C4)
    images = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    weights = torch.randn(2, 4, dtype=torch.float64)
    (framed(images) * weights).sum().backward()
    scores = framed.frame.front(images)[..., 0]
    turns = torch.stack([C4.act_image(C4.inverse(g), images) for g in C4.elements], 1)
    mean = torch.einsum("bg,bgchw->bchw", scores.softmax(1), turns)
    # The model is linear in the image, so its slope is the same at the mean and at the turned one.
    parameters = list(framed.frame.parameters())
    expected = torch.autograd.grad((framed.model(mean) * weights).sum(), parameters)
    for parameter, slope in zip(parameters, expected, strict=True):
        torch.testing.assert_close(parameter.grad, slope)


def test_the_small_front_takes_any_size_and_is_equivariant():
    torch.manual_seed(0)
    front = small_front(D4, 2).double()
    assert isinstance(front, Orbit)
    for rows, columns in ((1, 1), (7, 12)):
        images = torch.randn(2, 2, rows, columns, dtype=torch.float64)
        assert max(equivariance_error(front, images, D4).values()) < 1e-10


def test_an_audit_compares_the_output_alone():
    vit = make_vit()
    report = audit(Framed(vit), noise(vit), C4)
    assert report.ok
    assert [row.name for row in report.rows] == ["(model)"]
    assert not audit(vit, noise(vit), C4).ok


def test_a_config_puts_a_frame_before_its_model(tmp_path):
    torch.manual_seed(0)
    stages = [Stage("gsa", 1, 12, heads=2, encoding="rotary")]
    plain = EquivariantViTConfig("C1", patch=(5, 5, 0), stages=stages, classes=4)
    framed = EquivariantViTConfig("C1", patch=(5, 5, 0), stages=stages, classes=4, frame=D4)
    images = torch.randn(6, 3, 15, 25, dtype=torch.float64)
    model = EquivariantViT(framed).double()
    assert changed(model, images, D4) == []
    assert audit(model, images, D4).ok
    assert changed(EquivariantViT(plain).double(), images, D4)  # the control
    model.save_pretrained(tmp_path)
    again = EquivariantViT.from_pretrained(tmp_path)
    assert again.config == framed
    assert torch.equal(again(images), model(images))
    with pytest.raises(ValueError, match="turns between pixels"):
        EquivariantViTConfig("C1", frame="C8")


def test_a_new_front_goes_before_a_model_whose_first_weights_are_whole_numbers():
    quantized = nn.Module()
    quantized.codes = nn.Parameter(torch.zeros(3, dtype=torch.int8), requires_grad=False)
    quantized.scale = nn.Parameter(torch.ones(3, dtype=torch.float64))
    assert next(Framed(quantized).frame.parameters()).dtype == torch.float64
