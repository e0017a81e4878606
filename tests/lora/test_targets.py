"""Adapters of a line recognizer: which layers, merged as unmerged, and the same without torch."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from isotrope.io.tensors import load_tensors
from isotrope.lora import (
    METHODS,
    add_adapter,
    load_adapter,
    save_adapter,
    switch_adapter,
    target_names,
)
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.session import LineSession
from isotrope.ocr.recognition.store import load_model, save_model

STAGES = (StageConfig(16, 1), StageConfig(16, 1, ()), StageConfig(24, 1))
KINDS = {"small": ("branched", "attention", 16), "tiny": ("plain", "conv", 16)}


def recognizer(size="small", seed=0, charset="abcdefg "):
    torch.manual_seed(seed)
    stem, neck, dim = KINDS[size]
    model = LineRecognizer(LineRecognizerConfig(charset, stem, STAGES, neck, dim))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval().requires_grad_(False)


def shaken(adapted, scale=0.2):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if ".lora_" in name:
                parameter.add_(
                    scale * torch.randn(parameter.shape, generator=generator).to(parameter)
                )
    return adapted.eval()


def pixels(dtype=torch.float32, width=88):
    generator = torch.Generator().manual_seed(2)
    return torch.rand(2, 3, 48, width, generator=generator).to(dtype) * 2 - 1


@pytest.mark.parametrize("size", ["small", "tiny"])
def test_kinds_share_out_every_convolution_and_linear_map_but_the_head(size):
    model = recognizer(size)
    kinds = ["mlp", "filters", *(["attention"] if size == "small" else [])]
    named = {kind: set(target_names(model, kind)) for kind in kinds}
    layers = {
        name
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)) and name != "head"
    }
    assert set.union(*named.values()) == layers == set(target_names(model, "all"))
    assert sum(map(len, named.values())) == len(layers)
    assert {"stem.first" if size == "small" else "stem.0", "blocks.0.depthwise"} < named["filters"]
    assert "blocks.0.mlp.0" in named["mlp"]
    if size == "small":
        ends = {name.rpartition(".")[2] for name in named["attention"]}
        assert ends == {"qkv", "out_proj"}
    else:
        with pytest.raises(ValueError, match="'attention' names no layer of LineRecognizer"):
            target_names(model, "attention")
    with pytest.raises(ValueError, match="'decoder' names no layer of LineRecognizer"):
        target_names(model, "decoder")


def test_a_module_is_all_its_linear_maps_and_convolutions():
    model = recognizer()
    assert target_names(model, "head") == ["head"]
    block = {f"blocks.1.{name}" for name in ("depthwise", "mlp.0", "mlp.2")}
    assert set(target_names(model, "blocks.1,head")) == block | {"head"}
    neck = set(target_names(model, "neck"))
    assert neck == {name for name in target_names(model, "all") if name.startswith("neck.")}
    adapted = shaken(add_adapter(model, "neck,head", rank=2))
    assert set(target_names(adapted.get_base_model(), "neck,head")) == neck | {"head"}
    layer = adapted.get_base_model().head
    assert layer.get_delta_weight("default").abs().max() > 0
    with pytest.raises(ValueError, match=r"'neck\.norm' names no layer of LineRecognizer"):
        target_names(model, "neck.norm")


@pytest.mark.parametrize("size", ["small", "tiny"])
@pytest.mark.parametrize("method", METHODS)
def test_merged_reads_as_unmerged_depthwise_filters_too(size, method):
    x, model = pixels(torch.float64), recognizer(size).double()
    before = model(x)
    adapted = shaken(add_adapter(model, rank=3, method=method))
    with torch.no_grad():
        moved = adapted(x)
        adapted.merge_adapter()
        merged = adapted(x)
        adapted.unmerge_adapter()
    assert (moved - before).abs().max() > 1e-2
    torch.testing.assert_close(merged, moved, rtol=0, atol=1e-12)


def test_every_layer_learns():
    adapted = shaken(add_adapter(recognizer(seed=1), rank=2))  # whose ReLUs all let something by
    adapted(pixels()).square().sum().backward()
    trained = {n: p.grad for n, p in adapted.named_parameters() if p.requires_grad}
    assert all(grad is not None and grad.abs().max() > 0 for grad in trained.values())
    assert all(".lora_" in name for name in trained)


def test_off_it_is_the_base_bit_for_bit():
    model = recognizer()
    before = model(pixels())
    adapted = shaken(add_adapter(model))
    assert not torch.equal(adapted(pixels()), before)
    switch_adapter(adapted, None)
    assert torch.equal(adapted(pixels()), before)


@pytest.fixture(scope="module", params=["small", "tiny"])
def base(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    save_model(recognizer(request.param), folder)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_without_torch_are_those_of_torch(base, tmp_path, method):
    adapted = shaken(add_adapter(load_model(base), rank=3, method=method))
    save_adapter(adapted, tmp_path)
    again = load_adapter(load_model(base), tmp_path)
    (before,) = LineSession(base, 1).session.run(None, {"pixels": pixels().numpy()})
    session = LineSession(base, 1, tmp_path).session
    (ours,) = session.run(None, {"pixels": pixels().numpy()})
    with torch.no_grad():
        theirs = again(pixels()).softmax(-1).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)
    assert np.abs(before - theirs).max() > 1e-3  # so the adapter does act


def test_the_weights_of_a_file_are_those_that_torch_loads(base):
    ours, theirs = load_tensors(base / "model.safetensors"), load_model(base)
    assert {n: a.astype(np.float32).tobytes() for n, a in ours.items()} == {
        n: t.numpy().tobytes() for n, t in theirs.state_dict().items()
    }


def changed(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def other_weights(folder):
    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor * 2 for name, tensor in tensors.items()}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda b, a: other_weights(b), "the same layers with other weights"),
        (lambda b, a: changed(b / "config.json", charset="abcdefgX"), "its charset alone has ' '"),
        (lambda b, a: (a / "base.json").write_text("["), "is broken"),
        (lambda b, a: (a / "adapter_model.safetensors").write_bytes(b"x"), "is broken"),
        (lambda b, a: changed(a / "adapter_config.json", lora_bias=True), "lora_bias"),
        (lambda b, a: changed(a / "adapter_config.json", init_lora_weights="olora"), "has changed"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_without_torch(base, tmp_path, break_it, message):
    folder, adapter = tmp_path / "base", tmp_path / "mine"
    shutil.copytree(base, folder)
    save_adapter(add_adapter(load_model(folder)), adapter)
    LineSession(folder, 1, adapter)
    break_it(folder, adapter)
    with pytest.raises(ValueError, match=message):
        LineSession(folder, 1, adapter)


def test_a_missing_file_of_an_adapter_is_named(base, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no adapter_config\.json"):
        LineSession(base, 1, tmp_path)
