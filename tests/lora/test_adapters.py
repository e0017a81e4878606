"""Adapters through peft: on which layers, how many parameters, kept, loaded, switched, refused."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from isotrope.lora import (
    METHODS,
    TARGETS,
    adapted_targets,
    add_adapter,
    count_parameters,
    load_adapter,
    method_of,
    save_adapter,
    switch_adapter,
    target_names,
)
from isotrope.lora.adapters import arrays
from isotrope.lora.merging import merged_weights
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.models.vit import EquivariantViT
from isotrope.ocr.gsanet.recognizer import Recognizer

STAGES = [
    Stage("conv", 1, 8, kernel_size=3),
    Stage("gcsa", 1, 16, heads=2, stride=2),
    Stage("gsa", 1, 24, heads=2, encoding="mlp"),
]
PIXELS = torch.rand(2, 3, 16, 32, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([[5, 6, 7, 2], [9, 8, 2, -100]])


def recognizer(seed=0, charset="abcdefgh", dim=24):
    torch.manual_seed(seed)
    vit = EquivariantViTConfig("C4", patch=(4, 2, 1), stages=STAGES)
    model = Recognizer.from_config(
        vit, dim=dim, layers=1, heads=2, charset=charset, image_height=16, max_characters=20
    )
    return model.eval().requires_grad_(False)


def shake(model, seed, name="default"):
    generator = torch.Generator().manual_seed(seed)
    for key, parameter in model.named_parameters():
        if f".{name}." in key:
            parameter.data.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


@torch.no_grad()
def logits(model):
    return model(pixel_values=PIXELS, labels=LABELS).logits


# Which layers, and how many parameters ------------------------------------------------------------


@pytest.mark.parametrize(
    ("targets", "inside", "ends"),
    [
        ("encoder.attention", "encoder.vit", {"q_proj", "k_proj", "v_proj", "out_proj"}),
        ("encoder.mlp", "encoder.vit", {"0", "2"}),
        ("encoder.filters", "encoder.vit", {"embed", "conv", "mixer", "q_conv", "kv_conv"}),
        ("decoder.attention", "decoder.model", {"q_proj", "k_proj", "v_proj", "out_proj"}),
        ("decoder.mlp", "decoder.model", {"fc1", "fc2"}),
    ],
)
def test_targets_by_name(targets, inside, ends):
    names = target_names(recognizer(), targets)
    assert all(name.startswith(inside) for name in names)
    assert {name.rpartition(".")[2] for name in names} == ends


def test_a_part_is_all_of_its_kinds_and_all_is_both_parts():
    model = recognizer()
    encoder = {
        *target_names(model, ["encoder.attention", "encoder.mlp", "encoder.filters"]),
    }
    assert set(target_names(model, "encoder")) == encoder
    assert set(target_names(model, "all")) == encoder | set(target_names(model, "decoder"))
    assert target_names(model, "encoder, decoder") == target_names(model, "all")
    assert not any("head" in n or "output_projection" in n for n in target_names(model, "all"))


def test_an_adapted_model_has_the_same_targets():
    model = recognizer()
    names = target_names(model, "all")
    adapted = add_adapter(model, "decoder")
    assert target_names(adapted.get_base_model(), "all") == names


@pytest.mark.parametrize("targets", TARGETS)
def test_what_an_adapter_acts_on_is_found_again(targets):
    model = recognizer()
    add_adapter(model, targets)
    found = adapted_targets(model)
    assert target_names(model, found) == target_names(model, targets)


def test_layers_of_two_targets_have_no_one_name():
    model = recognizer()
    assert adapted_targets(model) is None
    add_adapter(model, "encoder.mlp,decoder")
    assert adapted_targets(model) is None


@pytest.mark.parametrize(
    ("targets", "message"),
    [("encoder.heads", "'encoder.heads' is not known; use"), ("decoder.filters", "is not known")],
)
def test_an_unknown_target_is_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        target_names(recognizer(), targets)


def test_a_target_without_layers_is_refused():
    vit = EquivariantViT(EquivariantViTConfig("C4", stages=[Stage("conv", 1, 8)]))
    with pytest.raises(ValueError, match="'attention' names no layer of EquivariantViT"):
        target_names(vit, "attention")


def test_the_example_of_section_2_has_800_parameters():
    class Example(nn.Module):
        def __init__(self):
            super().__init__()
            self.q_proj = nn.Linear(100, 100, bias=False)

    assert count_parameters(add_adapter(Example(), "attention", rank=4)) == (800, 10_000)


def test_parameters_of_a_filter_are_those_of_its_matrix():
    vit = EquivariantViT(EquivariantViTConfig("C4", 3, (4, 4, 0), [Stage("conv", 0, 8)]))
    # embed: (8, 3 * 4 * 4); bank: four times as large, which does not count
    assert count_parameters(add_adapter(vit, "filters", rank=2))[0] == 2 * (8 + 48)


def test_a_rank_below_one_is_refused():
    with pytest.raises(ValueError, match="rank=0 must be 1 or more"):
        add_adapter(recognizer(), rank=0)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method='lora\\+' is not known; use one of lora, dora"):
        add_adapter(recognizer(), method="lora+")


def test_an_adapter_of_peft_on_a_changed_base_is_refused(tmp_path):
    save_adapter(add_adapter(recognizer()), tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    config["init_lora_weights"] = "pissa_niter_4"
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="a base that init_lora_weights='pissa_niter_4' has chang"):
        load_adapter(recognizer(), tmp_path)


# On, off, merged, switched ------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_off_is_the_base_bit_for_bit_and_merged_within_rounding(method):
    model = recognizer()
    plain = logits(model)
    adapted = add_adapter(model, "all", rank=4, method=method)
    torch.testing.assert_close(logits(adapted), plain, rtol=0, atol=1e-5)  # B is nil at first
    apart = logits(shake(adapted, 1))
    assert (apart - plain).abs().max() > 1e-3
    with adapted.disable_adapter():
        assert torch.equal(logits(adapted), plain)
    adapted.merge_adapter()
    torch.testing.assert_close(logits(adapted), apart, rtol=0, atol=1e-4)
    adapted.unmerge_adapter()
    torch.testing.assert_close(logits(adapted), apart, rtol=0, atol=1e-4)
    with adapted.disable_adapter():
        torch.testing.assert_close(logits(adapted), plain, rtol=0, atol=1e-4)


def test_a_filter_is_unmerged_bit_for_bit():
    vit = EquivariantViT(EquivariantViTConfig("C4", stages=[Stage("conv", 1, 8)])).eval()
    plain = vit(PIXELS)
    model = shake(add_adapter(vit, "filters"), 1)
    model.merge_adapter(safe_merge=True)
    assert not torch.equal(model(PIXELS), plain)
    with model.disable_adapter():  # unmerges, as peft's own layers do
        torch.testing.assert_close(model(PIXELS), plain, rtol=0, atol=0)


def test_dora_takes_rows_of_zeros_and_opens_them(tmp_path):
    """The shipped recognizer has one, and the map between orientations of `symmetrize` is all."""
    vit = EquivariantViT(EquivariantViTConfig("C4", stages=[Stage("conv", 1, 8)])).eval()
    vit.requires_grad_(False)
    for name in target_names(vit, "filters"):
        vit.get_submodule(name).weight[:2] = 0
    base, plain = arrays(vit), vit(PIXELS)
    model = add_adapter(vit, "filters", method="dora")
    torch.testing.assert_close(model(PIXELS), plain, rtol=0, atol=1e-5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0)
    for _ in range(3):
        optimizer.zero_grad()
        model(PIXELS).square().sum().backward()
        optimizer.step()
    save_adapter(model, tmp_path)
    merged = merged_weights(type(vit).__name__, None, base, tmp_path)
    model.merge_adapter(safe_merge=True)
    for name, weight in merged.items():
        assert np.abs(weight[:2]).max() > 1e-4
        ours = model.get_base_model().get_parameter(name)
        np.testing.assert_allclose(weight, ours, atol=1e-3)  # an adapter is kept in 16 bits


def test_several_adapters_are_switched_per_call():
    model = shake(add_adapter(recognizer(), "encoder.attention", name="a"), 1, "a")
    alone = logits(model)
    model = shake(add_adapter(model, "all", rank=2, name="b"), 2, "b")
    other = logits(model)
    model.set_adapter("a")
    assert torch.equal(logits(model), alone)
    model.set_adapter("b")
    assert torch.equal(logits(model), other)
    assert not torch.equal(alone, other)
    with pytest.raises(ValueError, match="an adapter 'a' is there already"):
        add_adapter(model, name="a")


def test_what_is_wrong_with_the_model_is_not_laid_to_the_adapter(tmp_path):
    save_adapter(add_adapter(recognizer(), name="a"), tmp_path, "a")
    model = add_adapter(recognizer(), name="a")
    with pytest.raises(ValueError, match=r"^an adapter 'a' is there already; give another name"):
        load_adapter(model, tmp_path, "a")
    model.merge_adapter()
    with pytest.raises(ValueError, match=r"^an adapter is merged into this model; call unmerge"):
        load_adapter(model, tmp_path, "b")


def test_one_more_adapter_acts_though_the_others_were_off(tmp_path):
    save_adapter(shake(add_adapter(recognizer(), "all", name="b"), 2, "b"), tmp_path, "b")
    alone = logits(load_adapter(recognizer(), tmp_path, "b"))
    model = shake(add_adapter(recognizer(), "encoder.attention", name="a"), 1, "a")
    switch_adapter(model, None)
    torch.testing.assert_close(logits(load_adapter(model, tmp_path, "b")), alone)


@pytest.mark.parametrize("loaded", ["none", "active", "off"])
def test_an_adapter_that_does_not_fit_leaves_the_model_as_it_was(tmp_path, loaded):
    save_adapter(shake(add_adapter(recognizer(), "all", rank=2), 1), tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    tensors[sorted(tensors)[-1]] = torch.rand(2, 3)
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    model = recognizer()
    if loaded != "none":
        model = shake(add_adapter(model, "encoder", name="a"), 1, "a")
        switch_adapter(model, "a" if loaded == "active" else None)
    before = logits(model)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"does not fit this model \(.* is \(2, 3\), not"):
            load_adapter(model, tmp_path, "b")
        assert torch.equal(logits(model), before)
    if loaded == "none":
        assert not any(".lora_" in name for name, _ in model.named_parameters())


def test_only_the_adapter_learns():
    model = add_adapter(recognizer().requires_grad_(True), "all")
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {name for name, _ in model.named_parameters() if ".lora_" in name}


# Kept and loaded ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_kept_adapter_comes_back(tmp_path, method):
    model = shake(add_adapter(recognizer(), "all", rank=4, method=method, name="mine"), 1, "mine")
    save_adapter(model, tmp_path, "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("adapter_config.json", "adapter_model.safetensors", "base.json")
    ]
    loaded = load_adapter(recognizer(), tmp_path)
    assert method_of(loaded.peft_config["default"]) == method.replace("pissa", "lora")
    torch.testing.assert_close(logits(loaded), logits(model), rtol=0, atol=5e-3)  # in 16 bits
    assert not any(p.requires_grad for p in loaded.parameters())
    both = load_adapter(loaded, tmp_path, "second")
    assert both.active_adapters == ["second"]
    assert torch.equal(logits(both), logits(loaded))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"charset": "abcdefgi"}, "its charset alone has 'h', this one's 'i'"),
        ({"dim": 32}, r"embed_positions\.weight is \[24, 24\] there and \[24, 32\] here \(and"),
        ({"seed": 1}, "the same layers with other weights"),
    ],
)
def test_an_adapter_for_another_model_is_refused(tmp_path, other, message):
    save_adapter(add_adapter(recognizer()), tmp_path)
    with pytest.raises(ValueError, match=message):
        load_adapter(recognizer(**other), tmp_path)


def test_an_adapter_for_other_batch_statistics_is_refused(tmp_path):
    """Two models of the same parameters compute with the statistics of what each has seen."""

    def model(images):
        torch.manual_seed(0)
        config = EquivariantViTConfig("C4", patch=(4, 2, 1), stages=STAGES[:1], norm="batch")
        vit = EquivariantViT(config)
        with torch.no_grad():
            vit.train()(images)
        return vit.eval()

    save_adapter(add_adapter(model(PIXELS), "filters"), tmp_path)
    load_adapter(model(PIXELS), tmp_path)
    with pytest.raises(ValueError, match="the same layers with other weights"):
        load_adapter(model(2 * PIXELS), tmp_path)


def test_an_adapter_for_another_class_is_refused(tmp_path):
    save_adapter(add_adapter(recognizer()), tmp_path)
    vit = EquivariantViT(EquivariantViTConfig("C4"))
    with pytest.raises(ValueError, match="a Recognizer, and this is a EquivariantViT"):
        load_adapter(vit, tmp_path)


def test_an_adapter_of_peft_itself_is_taken_if_it_fits(tmp_path):
    save_adapter(add_adapter(recognizer()), tmp_path)
    (tmp_path / "base.json").unlink()
    load_adapter(recognizer(seed=1), tmp_path)
    with pytest.raises(ValueError, match="does not fit this model"):
        load_adapter(recognizer(dim=32), tmp_path)


def test_broken_and_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no adapter_config\.json and no adapter_model"):
        load_adapter(recognizer(), tmp_path)
    save_adapter(add_adapter(recognizer()), tmp_path)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"none")
    with pytest.raises(ValueError, match="is broken"):
        load_adapter(recognizer(), tmp_path)


def test_nothing_is_kept_of_a_merged_model_or_an_unknown_adapter(tmp_path):
    model = add_adapter(recognizer())
    with pytest.raises(ValueError, match="no adapter 'none'; there are default"):
        save_adapter(model, tmp_path, "none")
    model.merge_adapter()
    with pytest.raises(ValueError, match="call unmerge_adapter"):
        save_adapter(model, tmp_path)


def test_the_kept_configuration_is_pefts_own(tmp_path):
    save_adapter(add_adapter(recognizer(), "encoder.attention", rank=3, alpha=5), tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 3, 5)


def test_the_kept_layers_are_in_order(tmp_path):
    """peft keeps them as a set, whose order is another in each process."""
    save_adapter(add_adapter(recognizer(), "all"), tmp_path)
    layers = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert layers == sorted(layers)
    assert len(layers) > 4
