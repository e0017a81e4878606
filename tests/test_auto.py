"""After `import isotrope.auto` transformers and peft know the models."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from peft import PeftModel
from PIL import Image
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    pipeline,
)

import isotrope.auto  # noqa: F401
from isotrope.lora import add_adapter, save_adapter
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.gsanet.config import RecognizerConfig
from isotrope.ocr.gsanet.recognizer import Recognizer
from isotrope.ocr.loading import shipped


def recognizer():
    torch.manual_seed(0)
    stages = [Stage("conv", 1, 8, kernel_size=3), Stage("gsa", 1, 16, 2, encoding="rotary")]
    vit = EquivariantViTConfig("C4", patch=(4, 4, 0), stages=stages)
    model = Recognizer.from_config(vit, dim=16, layers=1, heads=2, max_characters=8).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    recognizer().save_pretrained(folder)
    return folder


IMAGE = np.random.default_rng(0).integers(0, 255, (40, 90, 3), np.uint8)


@pytest.mark.parametrize("auto", [AutoModel, AutoModelForImageTextToText])
def test_the_model_comes_by_its_config(saved, auto):
    assert type(AutoConfig.from_pretrained(saved)) is RecognizerConfig
    assert type(auto.from_pretrained(saved)) is Recognizer


def test_the_shipped_model_is_known():
    assert type(AutoConfig.from_pretrained(shipped("recognizer"))) is RecognizerConfig


def test_images_are_prepared_as_the_reader_does(saved):
    processor = AutoImageProcessor.from_pretrained(saved)
    pixels = processor(IMAGE, return_tensors="pt").pixel_values
    assert pixels.shape == (1, 3, 32, 72)
    assert len(processor([IMAGE, IMAGE[:, :50]]).pixel_values) == 2
    expected = recognizer().read(pixels)
    read = pipeline("text-recognition", str(saved), image_processor=processor)
    ((found,), (again,)) = read([Image.fromarray(IMAGE)] * 2)
    assert found == again
    assert found["generated_text"] == expected.texts[0] != ""
    assert found["score"] == pytest.approx(float(expected.confidences[0]))
    assert found["orientation"] == int(expected.orientations[0])


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # peft's
def test_peft_loads_an_adapter_by_itself(tmp_path):
    adapted = add_adapter(recognizer(), "all", rank=2)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if ".lora_" in name:
                parameter.copy_(torch.randn_like(parameter).half())  # as it is saved
    save_adapter(adapted, tmp_path)
    pixels = torch.rand(1, 3, 32, 64)
    loaded = PeftModel.from_pretrained(recognizer(), tmp_path).eval()
    with torch.no_grad():
        ours, theirs = (m.get_base_model().encoder(pixels)[0] for m in (adapted.eval(), loaded))
        plain = recognizer().encoder(pixels)[0]
    assert torch.equal(ours, theirs)
    assert not torch.allclose(ours, plain)


def test_without_it_peft_does_not_know_the_filters(tmp_path):
    """The negative control, in a process of its own."""
    save_adapter(add_adapter(recognizer(), "encoder.filters", rank=2), tmp_path)
    recognizer().save_pretrained(tmp_path / "base")
    code = f"""
from peft import PeftModel
from isotrope import Recognizer
PeftModel.from_pretrained(Recognizer.from_pretrained({str(tmp_path / "base")!r}), {str(tmp_path)!r})
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert done.returncode
    assert "is not supported" in done.stderr
