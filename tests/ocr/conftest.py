"""Tiny random models, exported once for all tests."""

import pytest
import torch

from isotrope.lora import add_adapter, save_adapter
from isotrope.ocr import loading
from isotrope.ocr.orientation.model import FinderConfig, UprightNet
from isotrope.ocr.orientation.store import save_finder
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.store import save_model

STAGES = (StageConfig(8, 1), StageConfig(8, 1), StageConfig(16, 1))


def shaken(model):
    """At first all outputs are nearly equal."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A folder as the package's own: `small` and `finder`, untrained, and the detector."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    config = LineRecognizerConfig("abcdefg ", "plain", STAGES, "conv", 8)
    save_model(shaken(LineRecognizer(config)), folder / "small")
    save_finder(shaken(UprightNet(FinderConfig(STAGES, 8))), folder / "finder")
    (folder / "detector").symlink_to(loading.SHIPPED / "detector")
    return folder


@pytest.fixture(scope="session")
def random_adapter():
    """Saves an adapter that is nowhere 0, unlike a fresh one, whose `B` is."""

    def save(model, folder, seed=0, scale=0.3, **options):
        torch.manual_seed(seed)
        adapted = add_adapter(model, rank=2, **options)
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if ".lora_" in name:
                    parameter.add_(scale * torch.randn_like(parameter))
        save_adapter(adapted, folder)
        return folder

    return save
