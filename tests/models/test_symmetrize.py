"""A symmetrized ViT starts as the plain one averaged over the group, and stays equivariant."""

import pytest
import torch
from torch import nn
from transformers import ViTForImageClassification, ViTModel

from isotrope import CyclicGroup, DihedralGroup, audit, equivariance_error, symmetrize
from isotrope.lora import add_adapter, count_parameters, load_adapter, save_adapter
from isotrope.models.symmetrize import SymmetricViT

from .vits import ODD, make_vit, noise

C4, D4 = CyclicGroup(4), DihedralGroup(4)
GROUPS = [CyclicGroup(1), CyclicGroup(2), C4, DihedralGroup(1), DihedralGroup(2), D4]


class Features(nn.Module):
    takes, gives = "image", "lifted"

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, image):
        return self.model.features(image)


def moved(model, scale=0.3):
    """The model with random weights added to all that can be trained."""
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(scale * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("sizes", ODD)
def test_it_starts_as_the_mean_of_the_plain_vit_over_all_turns(group, sizes):
    vit = make_vit(sizes)
    images, model = noise(vit), symmetrize(vit, group)
    turned = [vit(group.act_image(group.inverse(g), images)).logits for g in group.elements]
    torch.testing.assert_close(model(images), torch.stack(turned).mean(0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
def test_each_orientation_starts_as_the_plain_vit_on_the_image_turned_back(group):
    vit = make_vit()
    images, features = noise(vit), symmetrize(vit, group).features(noise(vit))
    plain = vit.vit(images).last_hidden_state[:, 1:].unflatten(1, features.shape[2:4])
    torch.testing.assert_close(features[:, 0], plain, rtol=0, atol=1e-12)
    for g in group.elements:
        tokens = vit.vit(group.act_image(group.inverse(g), images)).last_hidden_state[:, 1:]
        tokens = tokens.unflatten(1, features.shape[2:4])
        own = group.act_image(g, tokens, dims=(1, 2))
        torch.testing.assert_close(features[:, g], own, rtol=0, atol=1e-12)


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("sizes", ODD)
@pytest.mark.parametrize("shape", [(5, 5), (4, 7)])
def test_it_is_exact_with_any_weights_on_any_multiple_of_the_patch(group, sizes, shape):
    vit = make_vit(sizes)
    model, patch = moved(symmetrize(vit, group)), sizes[3]
    images = noise(vit, *(patch * side for side in shape))
    for module in (model, Features(model)):
        assert max(equivariance_error(module, images, group).values()) < 1e-10


@pytest.mark.parametrize("group", [C4, D4], ids=repr)
@pytest.mark.parametrize("shape", [(17, 17), (19, 23)])
def test_patches_that_do_not_tile_the_image(group, shape):
    vit = make_vit(image_size=shape)
    images, model = noise(vit, *shape), symmetrize(vit, group)
    plain = vit.vit(images).last_hidden_state[:, 1:]
    torch.testing.assert_close(
        model.features(images)[:, 0].flatten(1, 2), plain, rtol=0, atol=1e-12
    )
    for module in (moved(model), Features(model)):
        assert max(equivariance_error(module, images, group).values()) < 1e-10
    assert audit(model, images, group).ok


def test_a_group_by_name():
    assert symmetrize(make_vit(), "D2").group == DihedralGroup(2)


def test_a_vit_of_images_that_are_not_square():
    vit = make_vit(image_size=(15, 25))
    images = noise(vit, 15, 25)
    model = symmetrize(vit, C4)
    plain = vit.vit(images).last_hidden_state[:, 1:].unflatten(1, (3, 5))
    torch.testing.assert_close(model.features(images)[:, 0], plain, rtol=0, atol=1e-12)
    assert max(equivariance_error(moved(model), images, C4).values()) < 1e-10


def test_another_size_starts_as_the_vit_with_interpolated_positions():
    vit = make_vit()
    images = noise(vit, 35)
    plain = vit.vit(images, interpolate_pos_encoding=True).last_hidden_state[:, 1:]
    features = symmetrize(vit).features(images)[:, 0].flatten(1, 2)
    torch.testing.assert_close(features, plain, rtol=0, atol=1e-12)


def test_the_plain_vit_and_a_table_in_one_frame_are_not_exact():
    vit = make_vit()
    images = noise(vit)
    assert max(equivariance_error(vit, images, C4).values()) > 1e-2

    class Askew(SymmetricViT):
        def _turned_positions(self, size):
            return self._table(size).expand(4, *size, -1)  # the same way up for all orientations

    assert max(equivariance_error(Askew(vit, C4), images, C4).values()) > 1e-2


def test_mixing_starts_from_zero_and_couples_orientations():
    vit = make_vit()
    images = noise(vit)

    def reach(model):
        """The slope of one orientation's features against the embeddings of the others."""
        embedded = model.embed(images).detach().requires_grad_()
        model.embed.forward = lambda _: embedded
        model.features(images)[:, 0].square().sum().backward()
        return embedded.grad[:, 1:].abs().max()

    assert reach(symmetrize(vit)) == 0
    assert reach(moved(symmetrize(vit))) > 1e-6
    assert symmetrize(vit, mix=False).blocks[0].attention.mix is None


@pytest.mark.parametrize("head", ["classifier", "pooler", "none"])
def test_saved_and_loaded_it_is_the_same(head, tmp_path):
    options = {} if head == "classifier" else {"add_pooling_layer": head == "pooler"}
    kind = ViTForImageClassification if head == "classifier" else ViTModel
    vit = make_vit(kind=kind, **options)
    model = moved(symmetrize(vit, D4, mix=head != "pooler"))
    model.save_pretrained(tmp_path)
    loaded = SymmetricViT.from_pretrained(tmp_path)
    assert torch.equal(loaded(noise(vit)), model(noise(vit)))
    assert loaded.config.to_dict() == model.config.to_dict()


def test_a_broken_folder_is_refused(tmp_path):
    symmetrize(make_vit()).save_pretrained(tmp_path)
    config = (tmp_path / "config.json").read_text()
    assert '"group": "C4"' in config
    (tmp_path / "config.json").write_text(config.replace('"C4"', '"D4"'))
    with pytest.raises(ValueError, match=r"a folder that SymmetricViT\.save_pretrained wrote"):
        SymmetricViT.from_pretrained(tmp_path)


@pytest.mark.parametrize("targets", ["all", "attention", "mlp", "filters"])
def test_lora_keeps_it_exact_and_starts_where_it_was(targets, tmp_path):
    vit = make_vit()
    images, base = noise(vit), symmetrize(vit)
    before = base(images)
    adapted = add_adapter(base, targets, rank=3)
    torch.testing.assert_close(adapted(images), before, rtol=0, atol=1e-12)
    names = {name.split(".lora_")[0] for name, p in adapted.named_parameters() if p.requires_grad}
    assert any("attention.mix" in name for name in names) == (targets in ("all", "filters"))
    moved(adapted)
    assert (adapted(images) - before).abs().max() > 1e-3
    assert max(equivariance_error(base, images, C4).values()) < 1e-10
    save_adapter(adapted, tmp_path)
    again = load_adapter(symmetrize(vit), tmp_path)
    torch.testing.assert_close(again(images), adapted(images), rtol=0, atol=1e-2)
    assert count_parameters(adapted)[0] > 0


def test_a_model_with_adapters_inside_is_saved_once_they_are_merged(tmp_path):
    vit = make_vit()
    images, base = noise(vit), symmetrize(vit)
    adapted = moved(add_adapter(base, "all", rank=3))
    with pytest.raises(
        ValueError, match=r"adapters inside; save them with isotrope\.lora\.save_ad"
    ):
        base.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())
    expected = adapted(images)
    adapted.merge_and_unload().save_pretrained(tmp_path)
    again = SymmetricViT.from_pretrained(tmp_path)
    torch.testing.assert_close(again(images), expected, rtol=0, atol=1e-12)


def test_the_gradient_reaches_the_mixing_at_the_start():
    vit = make_vit()
    adapted = add_adapter(symmetrize(vit), "filters", rank=2)
    adapted(noise(vit)).square().sum().backward()
    slopes = {n: p.grad.abs().max() for n, p in adapted.named_parameters() if p.grad is not None}
    assert all(slope > 0 for name, slope in slopes.items() if "mix.lora_B" in name)
    assert sum("mix.lora_B" in name for name in slopes) == 2


@pytest.mark.parametrize("pooled", [True, False])
def test_a_vit_without_a_classifier_gives_its_own_summary(pooled):
    vit = make_vit(kind=ViTModel, add_pooling_layer=pooled)
    images, model = noise(vit), symmetrize(vit)
    outputs = [vit(C4.act_image(g, images)) for g in C4.elements]
    own = [o.pooler_output if pooled else o.last_hidden_state[:, 0] for o in outputs]
    torch.testing.assert_close(model(images), torch.stack(own).mean(0), rtol=0, atol=1e-12)


def test_an_audit_finds_nothing():
    vit = make_vit()
    assert audit(symmetrize(vit), noise(vit), C4).ok


def test_what_cannot_be_symmetrized_is_refused():
    with pytest.raises(TypeError, match=r"not Linear; put any other model behind isotrope\.Framed"):
        symmetrize(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="turns between pixels"):
        symmetrize(make_vit(), CyclicGroup(8))
    vit = make_vit()
    vit.vit.embeddings.patch_embeddings.projection.kernel_size = (4, 8)
    with pytest.raises(ValueError, match="patches of 4x8 px do not turn onto themselves"):
        symmetrize(vit)


@pytest.mark.parametrize("size", [(3, 3), (4, 7)])
def test_images_smaller_than_a_patch_are_refused(size):
    vit = make_vit()
    message = rf"images of {size[0]}x{size[1]} px are smaller than a patch of 5x5; enlarge them"
    with pytest.raises(ValueError, match=message):
        symmetrize(vit)(noise(vit, *size))
