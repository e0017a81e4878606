"""The framed tensor is bit for bit the same for every turn, and what breaks that."""

import functools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isotrope.equivariance import audit, equivariance_error
from isotrope.equivariance.testing import EquivariantLayerTests
from isotrope.groups import CyclicGroup, DihedralGroup
from isotrope.nn import Frame, GroupConv, LiftingConv, Orbit
from isotrope.nn.conv import to_lifted
from isotrope.nn.frame import ROUNDING, OrientationHead

from .test_orbit import askew_net, noise

C1, C2, C4 = CyclicGroup(1), CyclicGroup(2), CyclicGroup(4)
D1, D2, D4 = DihedralGroup(1), DihedralGroup(2), DihedralGroup(4)
GROUPS = (C1, C2, C4, D1, D2, D4)

drawn = settings(max_examples=12, deadline=None, derandomize=True, database=None)
cases = given(
    group=st.sampled_from((C4, D4, C2)),
    rows=st.integers(2, 7),
    columns=st.integers(2, 7),
    seed=st.integers(0, 999),
)


def lifted_frame(group, outputs=1):
    """A frame on two equivariant convolutions."""
    lift = LiftingConv(2, 6, 3, padding=1, group=group)
    mix = GroupConv(6, 5, 3, padding=1, group=group)
    front = nn.Sequential(lift, nn.GELU(), mix, nn.GELU())
    return Frame.from_lifted(front, 5, group, outputs).double()


def orbit_frame(group, outputs=1):
    return Frame(Orbit(askew_net(outputs), group), group).double()


class Scores(nn.Module):
    """A front that gives these scores whatever it sees."""

    def __init__(self, scores):
        super().__init__()
        self.scores = torch.as_tensor(scores)

    def forward(self, images):
        return self.scores.expand(len(images), *self.scores.shape)


def differing(frame, images):
    """The elements whose turn changes a framed image, its memory layout or its values."""
    before, found = frame(images), []
    for h in frame.group.elements:
        after = frame(frame.group.act_image(h, images))
        same = [
            torch.equal(a, b) and a.stride() == b.stride()
            for a, b in zip(after.images, before.images, strict=True)
        ]
        close = torch.allclose(after.values, before.values, rtol=0, atol=1e-9)
        found += [] if all(same) and close else [h]
    return found


class TestOrientationHead(EquivariantLayerTests):
    refuses_wrong_shape = False  # any group will do

    def layer(self, group):
        return OrientationHead(self.channels, 3)

    def broken(self, group):
        class Corner(OrientationHead):
            """Takes one corner in place of the mean."""

            def forward(self, lifted):
                return self.weigh(lifted[:, :, 0, 0])

        return Corner(self.channels, 3)


@pytest.mark.parametrize("make", [lifted_frame, orbit_frame])
@drawn
@cases
def test_the_framed_tensor_is_the_same_for_every_turn(make, group, rows, columns, seed):
    torch.manual_seed(seed)
    frame, images = make(group, outputs=3), noise(rows, columns)
    before = frame(images)
    assert before.scores.shape == (3, group.order)
    assert before.values.shape == (3, 2)
    assert differing(frame, images) == []
    for h in group.elements:
        after = frame(group.act_image(h, images))
        torch.testing.assert_close(after.scores, before.scores[:, group.relative[h]])
        assert after.elements == [group.compose(h, g) for g in before.elements]


@pytest.mark.parametrize("group", GROUPS, ids=repr)
def test_each_image_is_turned_back_by_its_best_element(group):
    torch.manual_seed(0)
    frame, images = lifted_frame(group), noise(batch=20)
    framed = frame(images)
    assert framed.elements == framed.scores.argmax(1).tolist()
    assert len(set(framed.elements)) == group.order  # each is the best of some image
    for image, g, turned in zip(images, framed.elements, framed.images, strict=True):
        assert torch.equal(group.act_image(g, turned), image)


def test_the_score_of_a_lifted_signal_is_the_mean_of_a_product():
    torch.manual_seed(0)
    frame, images = lifted_frame(D4), noise()
    front, head = frame.front
    product = front(images) @ head.weigh.weight[0]  # (B, |G|, H, W)
    torch.testing.assert_close(frame(images).scores, product.mean((2, 3)))


def test_float32_is_bit_for_bit_too():
    torch.manual_seed(0)
    assert differing(lifted_frame(D4).float(), noise(9, 14, batch=8).float()) == []


def test_a_front_that_is_not_equivariant_fails():
    torch.manual_seed(0)
    frame = Frame(askew_net(C4.order), C4).double()  # a head of its own for each orientation
    assert differing(frame, noise(batch=8))


def test_a_front_on_strides_that_break_the_symmetry_fails():
    torch.manual_seed(0)

    class Askew(LiftingConv):
        """A lifting that does not check its stride."""

        def forward(self, image):
            return to_lifted(F.conv2d(image, self.bank(), stride=self.stride), self.group.order)

    images = noise(11, 11, batch=16)  # (11 - 4) % 4 = 3
    askew = Frame.from_lifted(Askew(2, 5, 4, stride=4, group=C4), 5, C4).double()
    assert differing(askew, images)
    assert differing(askew, images[..., :8, :8]) == []
    strict = Frame.from_lifted(LiftingConv(2, 5, 4, stride=4, group=C4), 5, C4).double()
    with pytest.raises(ValueError, match="11x11 breaks equivariance"):
        strict(images)


@drawn
@cases
def test_a_front_of_constant_scores(group, rows, columns, seed):
    torch.manual_seed(seed)
    images = torch.randint(0, 2, (4, 2, rows, columns)).double()  # few values: long equal starts
    frame = Frame(Scores(torch.ones(group.order, dtype=torch.float64)), group)
    assert differing(frame, images) == []
    for image, framed in zip(images, frame(images).images, strict=True):
        turned = [group.act_image(g, image) for g in group.elements]
        smallest = min((*t.shape, *t.flatten().tolist()) for t in turned)
        assert (*framed.shape, *framed.flatten().tolist()) == smallest


@pytest.mark.parametrize("make", [lifted_frame, orbit_frame])
@drawn
@cases
def test_symmetric_images(make, group, rows, columns, seed):
    torch.manual_seed(seed)
    images = torch.randint(-9, 9, (3, 2, rows, columns)).double()
    still = [h for h in group.elements if group.act_image(h, images).shape == images.shape]
    whole = sum(group.act_image(h, images) for h in still)  # integers: exactly symmetric
    frame = make(group, outputs=3)
    for symmetric in (whole, images + images.flip(2, 3), images.flip(3) + images, images * 0 + 1):
        assert differing(frame, symmetric) == []


@pytest.mark.parametrize(("dtype", "rounding"), ROUNDING.items(), ids=str)
def test_rounding_is_relative_to_the_largest_magnitude(dtype, rounding):
    def best(gap):
        scores = torch.tensor([1 - gap, 0, 1, -3], dtype=dtype)
        return sorted(Frame(Scores(scores), C4).candidates(noise(batch=1), margin=0)[0])

    assert best(2 * rounding) == [0, 2]
    assert best(4 * rounding) == [2]


def test_noise_of_the_size_of_rounding_does_not_choose():
    class Noisy(nn.Module):
        size = 1e-12

        def forward(self, images):
            return 5 + self.size * torch.randn(len(images), C4.order, dtype=torch.float64)

    torch.manual_seed(0)
    frame, images = Frame(Noisy(), C4), noise()
    assert differing(frame, images) == []
    frame.front.size = 1e-6
    assert differing(frame, images)


def test_the_residual_travels_with_the_element():
    torch.manual_seed(0)
    frame, images = orbit_frame(D4, outputs=2), noise(batch=8)
    before = frame(images)
    for i, (framed, g) in enumerate(zip(before.images, before.elements, strict=True)):
        alone = frame.front.module(framed[None])[0]
        torch.testing.assert_close(alone[0], before.scores[i, g])
        torch.testing.assert_close(alone[1:], before.values[i])
    assert before.values.std() > 1e-3
    assert lifted_frame(C4)(images).values.shape == (8, 0)


@pytest.mark.parametrize("make", [lifted_frame, orbit_frame])
def test_what_stands_behind_is_invariant(make):
    torch.manual_seed(0)

    class Behind(nn.Module):
        """A frame, then an MLP on the pixels in their order."""

        takes, gives = "image", "invariant"

        def __init__(self, frame):
            super().__init__()
            self.frame = frame
            self.mlp = nn.Sequential(nn.Linear(2 * 6 * 6, 16), nn.GELU(), nn.Linear(16, 4))

        def forward(self, images):
            return self.mlp(self.frame(images).stack().flatten(1))

    model, images = Behind(make(D4)).double(), noise(6, 6, batch=3)
    before = model(images)
    for h in D4.elements:
        assert torch.equal(model(D4.act_image(h, images)), before)
    plain = nn.Sequential(nn.Flatten(), model.mlp)  # the same without the frame
    assert max(equivariance_error(plain, images, D4, takes="image").values()) > 1e-3
    assert audit(model, images, D4).ok


def test_training_by_cross_entropy_of_the_scores_finds_upright():
    torch.manual_seed(0)
    frame = orbit_frame(C4)
    upright = noise(4, 6, batch=32) / 10
    upright[..., 0] += 1  # a bar on the left
    turned = [(g, C4.act_image(g, upright[g::4])) for g in C4.elements]
    optimizer = torch.optim.Adam(frame.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        for g, images in turned:
            scores = frame(images).scores
            F.cross_entropy(scores, torch.full((len(images),), g)).backward()
        optimizer.step()
    assert all(set(frame(images).elements) == {g} for g, images in turned)


@pytest.mark.parametrize("make", [lifted_frame, orbit_frame])
def test_gradients_reach_every_parameter_of_the_front(make):
    torch.manual_seed(0)
    frame = make(D4, outputs=2)
    framed = frame(noise())
    loss = F.cross_entropy(framed.scores, torch.tensor([1, 6, 3])) + framed.values.square().sum()
    loss.backward()
    assert all(p.grad.abs().max() > 0 for p in frame.parameters())


@drawn
@cases
def test_the_candidates_turn_with_the_image(group, rows, columns, seed):
    torch.manual_seed(seed)
    frame, images = lifted_frame(group), noise(rows, columns)
    scores = frame(images).scores.detach()
    margin = float((scores.amax(1) - scores.amin(1)).median()) / 2
    before = frame.candidates(images, margin)
    for row, found in zip(scores.tolist(), before, strict=True):
        assert found == sorted(found, key=row.__getitem__, reverse=True)
        assert set(found) == {g for g in group.elements if row[g] >= max(row) - margin}
    for h in group.elements:
        after = frame.candidates(group.act_image(h, images), margin)
        assert after == [[group.compose(h, g) for g in found] for found in before]


def test_no_margin_gives_the_best_and_a_wide_one_all():
    torch.manual_seed(0)
    frame, images = lifted_frame(D4), noise()
    assert frame.candidates(images, 0) == [[g] for g in frame(images).elements]
    assert all(sorted(f) == list(D4.elements) for f in frame.candidates(images, 1e9))


def test_images_of_one_size_stack_and_of_two_do_not():
    torch.manual_seed(0)
    images = noise(batch=20)
    framed = lifted_frame(C2)(images)
    assert framed.stack().shape == images.shape
    assert all(map(torch.equal, framed.stack(), framed.images))
    with pytest.raises(ValueError, match="sizes 3x5, 5x3 do not stack; batch by size, or resize"):
        lifted_frame(C4)(images).stack()


@pytest.mark.parametrize("make", [Frame, functools.partial(Frame.from_lifted, dim=3)])
def test_a_group_that_turns_between_pixels_is_refused(make):
    with pytest.raises(ValueError, match=r"CyclicGroup\(8\) turns between pixels; use C1, C2, C4"):
        make(nn.Identity(), group=CyclicGroup(8))


def test_what_is_refused():
    images, identity = noise(), nn.Identity()
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) is no batch of images; give \(B, C, H, W\)"):
        orbit_frame(C4)(images[0])
    with pytest.raises(ValueError, match=r"\(3, 2, 3, 5\) is not a lifted .*; give \(B, \|G\|"):
        Frame.from_lifted(identity, 5, C4)(images)
    with pytest.raises(ValueError, match=r"the front gives shape \(3, 2, 3, 5\) for 3 images; it"):
        Frame(identity, C2)(images)
    with pytest.raises(ValueError, match=r"it must give scores \(B, 8\) or \(B, 8, 1 \+ R\), or"):
        Frame(Scores([0.0] * 4), D4)(images)
    with pytest.raises(ValueError, match="a score is not finite; look for NaN"):
        Frame(Scores([0.0, float("nan")]), C2)(images)
    with pytest.raises(ValueError, match=r"margin=-0.1 is negative; give a difference of scores"):
        Frame(Scores([0.0, 1.0]), C2).candidates(images, -0.1)
