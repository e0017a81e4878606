"""The line recognizer as a model of transformers: the same weights, folders and adapters."""

import json
import warnings

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModel

import isotrope.auto  # noqa: F401
from isotrope.lora import add_adapter, load_adapter, save_adapter
from isotrope.ocr.loading import shipped
from isotrope.ocr.pretrained.model import LineConfig, LineRecognizerForCTC
from isotrope.ocr.recognition.calibration import KEY
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig
from isotrope.ocr.recognition.session import LineSession
from isotrope.ocr.recognition.store import load_model, save_model

PIXELS = torch.rand(2, 3, 48, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
peft_warns = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small model with random weights, as `isotrope train` writes it."""
    torch.manual_seed(0)
    model = LineRecognizer(LineRecognizerConfig.tiny("abcdefghij "))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    calibration = {"characters": [0.5, 0.9], "text": [1.0, -2.0]}
    save_model(model, folder := tmp_path_factory.mktemp("model"), **{KEY: calibration})
    return folder


@torch.no_grad()
def logits(model):
    return model(pixel_values=PIXELS).logits


def test_the_folder_says_what_it_holds(folder):
    config = AutoConfig.from_pretrained(folder)
    assert type(config) is LineConfig
    assert config.network == LineRecognizerConfig.tiny("abcdefghij ")


@pytest.mark.parametrize("name", ["small", "tiny"])
def test_shipped_weights_run_in_32_bits_and_are_those_of_our_loader(name):
    model = AutoModel.from_pretrained(shipped(name))
    assert type(model) is LineRecognizerForCTC
    assert (model.dtype, model.training) == (torch.float32, False)
    ours = load_model(shipped(name))
    assert ours.state_dict().keys() == model.state_dict().keys()
    with torch.no_grad():
        assert torch.equal(logits(model), ours(PIXELS))


def test_generate_writes_the_best_paths(folder):
    model = AutoModel.from_pretrained(folder)
    rows = model.generate(PIXELS, max_new_tokens=256)
    best = logits(model).argmax(-1)
    expected = [[c for c in row.unique_consecutive().tolist() if c] for row in best]
    assert [[c for c in row if c] for row in rows.tolist()] == expected
    assert any(expected)


def test_a_saved_folder_is_read_by_our_loaders_and_by_transformers(folder, tmp_path):
    model = AutoModel.from_pretrained(folder)
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(AutoModel.from_pretrained(tmp_path)), logits(model))
    with torch.no_grad():
        assert torch.equal(load_model(tmp_path)(PIXELS), logits(model))
    session = LineSession(tmp_path, threads=1)
    found = session.probabilities(PIXELS.numpy())
    np.testing.assert_allclose(found, logits(model).softmax(-1).numpy(), atol=1e-5)
    assert session.calibration == model.calibration == LineSession(folder, 1).calibration
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == LineConfig.model_type


def adapter_of(folder, path):
    """A random adapter on all layers, saved by us."""
    adapted = add_adapter(load_model(folder), "all", rank=2)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if ".lora_" in name:
                parameter.normal_(std=0.05)
    save_adapter(adapted, path)
    return adapted.eval()


@peft_warns
def test_peft_loads_our_adapters(folder, tmp_path):
    ours = adapter_of(folder, tmp_path)
    theirs = PeftModel.from_pretrained(AutoModel.from_pretrained(folder), tmp_path)
    with torch.no_grad():
        expected = ours(PIXELS)
        torch.testing.assert_close(logits(theirs), expected, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(expected, logits(AutoModel.from_pretrained(folder)), atol=1e-3)
    merged = theirs.merge_and_unload()
    assert type(merged) is LineRecognizerForCTC
    torch.testing.assert_close(logits(merged), expected, rtol=1e-4, atol=1e-4)


@peft_warns
def test_adapters_go_both_ways(folder, tmp_path):
    """What `add_adapter` makes on a model of transformers, our session merges."""
    adapted = add_adapter(AutoModel.from_pretrained(folder), "mlp,filters", rank=2)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if ".lora_" in name:
                parameter.normal_(std=0.05)
    save_adapter(adapted.eval(), tmp_path)
    found = LineSession(folder, 1, tmp_path).probabilities(PIXELS.numpy())
    np.testing.assert_allclose(found, logits(adapted).softmax(-1).numpy(), atol=1e-4)
    again = load_adapter(AutoModel.from_pretrained(folder), tmp_path)
    torch.testing.assert_close(logits(again), logits(adapted), rtol=1e-4, atol=1e-4)


@peft_warns
def test_transformers_own_load_adapter(folder, tmp_path):
    ours = adapter_of(folder, tmp_path)
    model = AutoModel.from_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.load_adapter(str(tmp_path))
    with torch.no_grad():
        torch.testing.assert_close(logits(model), ours(PIXELS), rtol=1e-4, atol=1e-4)
