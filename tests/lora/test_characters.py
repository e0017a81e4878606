"""New characters of an adapter: rows of the head, kept with it, applied with and without torch."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from isotrope.lora import (
    adapted_targets,
    add_adapter,
    add_characters,
    count_parameters,
    load_adapter,
    save_adapter,
    switch_adapter,
)
from isotrope.lora.characters import CHARACTERS, added_characters, load_characters
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.session import LineSession
from isotrope.ocr.recognition.store import load_model, save_model
from isotrope.text.alike import alike

STAGES = (StageConfig(8, 1), StageConfig(8, 1), StageConfig(16, 1))
CHARSET = "abcdefghijklmnopqrstuvwxyz "
PIXELS = torch.rand(2, 3, 48, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "base"
    save_model(LineRecognizer(LineRecognizerConfig(CHARSET, "plain", STAGES, "conv", 8)), folder)
    return folder


def shaken(model, name="default"):
    generator = torch.Generator().manual_seed(1)
    for key, parameter in model.named_parameters():
        if f".{name}." in key:
            parameter.data.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model


@torch.no_grad()
def probabilities(model):
    return model(PIXELS).softmax(-1)


def test_at_first_the_base_is_read_and_off_it_is_the_base_bit_for_bit(base):
    with torch.no_grad():
        # Frozen, because torch computes linear maps with frozen weights in another order.
        plain = load_model(base).requires_grad_(False)(PIXELS)
        model = add_adapter(load_model(base), rank=2)
        add_characters(model, "åΩ", alike)
        logits = model(PIXELS)
        torch.testing.assert_close(logits[..., : len(CHARSET) + 1], plain)
        # å starts as a, e^-4 times as likely; nothing looks like Ω.
        a = CHARSET.index("a") + 1
        torch.testing.assert_close(logits[..., -2], plain[..., a] - 4)
        assert (logits.argmax(-1) == plain.argmax(-1)).all()
        shaken(model)
        assert model.charset == CHARSET + "åΩ"
        switch_adapter(model, None)
        assert torch.equal(model(PIXELS), plain)
        assert model.charset == CHARSET


def test_saved_loaded_merged_and_without_torch_it_is_the_same(base, tmp_path):
    model = add_adapter(load_model(base), rank=2)
    without = count_parameters(model)[0]
    add_characters(model, "åΩЖ", alike)
    assert count_parameters(model)[0] == without + 3 * 9
    assert adapted_targets(model) == "all"
    save_adapter(shaken(model), tmp_path / "mine")
    assert added_characters(tmp_path / "mine") == "åΩЖ"
    again = load_adapter(load_model(base), tmp_path / "mine")
    expected = probabilities(again)
    torch.testing.assert_close(expected, probabilities(model), rtol=0, atol=2e-3)  # 16 bits
    session = LineSession(base, 1, tmp_path / "mine")
    assert session.charset == again.charset == CHARSET + "åΩЖ"
    found = session.probabilities(PIXELS.numpy())
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-5)
    again.merge_adapter()
    assert again.charset == CHARSET + "åΩЖ"
    torch.testing.assert_close(probabilities(again), expected)
    again.unmerge_adapter()
    torch.testing.assert_close(probabilities(again), expected)
    save_model(again.merge_and_unload(), tmp_path / "merged")
    torch.testing.assert_close(
        probabilities(load_model(tmp_path / "merged")), expected, atol=2e-3, rtol=0
    )
    assert load_model(tmp_path / "merged").charset == CHARSET + "åΩЖ"


def test_each_adapter_has_its_own(base, tmp_path):
    model = add_adapter(load_model(base), rank=2)
    save_adapter(model, tmp_path / "none")
    add_characters(model, "å", alike)
    save_adapter(model, tmp_path / "one")
    two = load_adapter(load_model(base), tmp_path / "none", "none")
    assert load_adapter(two, tmp_path / "one", "one") is two
    assert two.charset == CHARSET + "å"
    switch_adapter(two, "none")
    assert two.charset == CHARSET
    save_adapter(two, tmp_path / "one", "none")  # replaces the adapter that had one
    assert load_characters(tmp_path / "one") is None


def test_more_follow_those_it_has(base, tmp_path):
    model = add_adapter(load_model(base), rank=2)
    add_characters(model, "å", alike)
    shaken(model)
    before = probabilities(model)
    add_characters(model, "Ω", alike)
    assert model.charset == CHARSET + "åΩ"
    ratio = probabilities(model)[..., :-1] / before
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio))  # å keeps its row
    with pytest.raises(ValueError, match="å are no new characters; the model has them"):
        add_characters(model, "å", alike)


def test_what_does_not_fit_is_refused(base, tmp_path):
    model = add_adapter(load_model(base), rank=2)
    add_characters(model, "åΩ", alike)
    save_adapter(model, tmp_path / "mine")
    rows = {"weight": torch.zeros(2, 5), "bias": torch.zeros(2)}
    save_file(rows, tmp_path / "mine" / CHARACTERS, metadata={"characters": "åΩ"})
    plain = load_model(base)
    with pytest.raises(ValueError, match="does not fit the head of a LineRecognizer"):
        load_adapter(plain, tmp_path / "mine")
    assert type(plain.head) is torch.nn.Linear
    with pytest.raises(ValueError, match="has rows of 5 numbers, and the head has rows of 8"):
        LineSession(base, 1, tmp_path / "mine")
    save_file(rows, tmp_path / "mine" / CHARACTERS, metadata={"characters": "å"})
    with pytest.raises(ValueError, match="a row of `weight` and a number of `bias` for each"):
        load_adapter(plain, tmp_path / "mine")
