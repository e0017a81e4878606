"""Loading weights and adapters: what is broken is refused by name, in one line."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr import loading
from isotrope.ocr.gsanet import loading as gsanet_loading
from isotrope.ocr.gsanet.loading import load_recognizer
from isotrope.ocr.gsanet.recognizer import Recognizer


def test_where_there_is_no_recognizer(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"missing: no recognizer here .* give the folder model/"):
        load_recognizer(tmp_path / "missing")
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    with pytest.raises(ValueError, match=r"config\.json is not that of a Recognizer"):
        load_recognizer(tmp_path)
    for text in ("[]", "not json", '{"architectures": 3}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=r"config\.json is not that of a Recognizer"):
            load_recognizer(tmp_path)
    monkeypatch.setattr(loading, "SHIPPED", tmp_path / "weights")
    with pytest.raises(ValueError, match=r"weights.recognizer: no recognizer here"):
        load_recognizer()


@pytest.fixture
def saved(tmp_path):
    """The folder of a small recognizer, sound, to be spoilt."""
    stages = [Stage("conv", 0, 4), Stage("gsa", 1, 16, 2, encoding="rotary", stride=2)]
    vit = EquivariantViTConfig("C4", patch=(4, 2, 1), stages=stages)
    Recognizer.from_config(vit, dim=16, layers=1, heads=2).save_pretrained(tmp_path / "saved")
    assert isinstance(load_recognizer(tmp_path / "saved"), Recognizer)
    return tmp_path / "saved"


def refused(folder):
    with pytest.raises(ValueError, match=re.escape(f"{folder}: its ")) as caught:
        load_recognizer(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_that_do_not_fit_are_refused_by_name(saved):
    file = saved / "model.safetensors"
    whole = load_file(file)
    names = sorted(whole)
    save_file({name: whole[name] for name in names[:-5]}, file)
    message = refused(saved)
    assert f"missing: {', '.join(names[-5:-2])} and 2 more" in message
    assert "give the folder model/" in message
    save_file({**whole, "stray": torch.zeros(1)}, file)
    assert "(unexpected: stray)" in refused(saved)
    save_file({**whole, names[0]: torch.zeros(2, 3, 5)}, file)
    assert f"(of another shape: {names[0]})" in refused(saved)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda config: config["encoder"]["vit"].update(color=1), "TypeError: .*color"),
        (lambda config: config["encoder"]["vit"]["stages"][0].update(mixer="foo"), "Error: .*foo"),
        (lambda config: config["encoder"]["vit"].pop("stages"), "ValueError: .*"),
        (lambda config: config.update(encoder=3), "Error: .*encoder"),
    ],
)
def test_a_broken_config_is_refused(saved, spoil, reason):
    config = json.loads((saved / "config.json").read_text(encoding="utf-8"))
    spoil(config)
    (saved / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert re.search(rf"config\.json is broken \(\w*{reason}", refused(saved))


class TinyRecognizer(nn.Module):
    """Enough of a model for peft to adapt."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(4, 4)

    def read(self, pixels):
        return self.proj(pixels)


@pytest.mark.parametrize("shipped", [False, True])
def test_adapters(tmp_path, monkeypatch, shipped):
    from peft import LoraConfig, get_peft_model

    folder = tmp_path / "recognizer" / "adapters" / "fraktur"
    config = LoraConfig(target_modules=["proj"], r=2, init_lora_weights=False)
    get_peft_model(TinyRecognizer(), config).save_pretrained(folder)
    model = TinyRecognizer()
    x = torch.rand(2, 4)
    before = model.read(x)
    monkeypatch.setattr(gsanet_loading, "_load", lambda path: model)
    monkeypatch.setattr(loading, "SHIPPED", tmp_path)
    recognizer = load_recognizer(adapter="fraktur" if shipped else folder)
    assert isinstance(recognizer.get_base_model(), TinyRecognizer)
    assert not recognizer.training
    assert (recognizer.read(x) - before).abs().max() > 1e-3


def test_adapters_that_do_not_exist_or_fit(tmp_path, monkeypatch):
    from peft import LoraConfig, get_peft_model

    monkeypatch.setattr(gsanet_loading, "_load", lambda path: TinyRecognizer())
    with pytest.raises(
        ValueError, match=r"runes: no such adapter .*no runes.adapter_config.json\); give"
    ):
        load_recognizer(adapter="runes")
    other = nn.Module()
    other.proj = nn.Linear(8, 8)
    config = LoraConfig(target_modules=["proj"], r=2)
    get_peft_model(other, config).save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="other does not fit this model"):
        load_recognizer(adapter=tmp_path / "other")
