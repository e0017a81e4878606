"""Tiny random models, exported once for all tests."""

import pytest
import torch

from isotrope.lora import add_adapter, save_adapter
from isotrope.ocr import loading
from isotrope.ocr.loading import shipped
from isotrope.ocr.orientation.model import FinderConfig, UprightNet
from isotrope.ocr.orientation.store import save_finder
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.recognition.store import save_model
from isotrope.ocr.translation.config import SPACE, TranslatorConfig
from isotrope.ocr.translation.files import write_base
from isotrope.ocr.translation.model import Translator
from isotrope.ocr.translation.store import save_translator

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


@pytest.fixture(scope="session")
def translator_folder(tmp_path_factory):
    """A translator of the shipped recognizer with random weights, far from their initial values."""
    torch.manual_seed(0)
    words = ("<s>", "<pad>", "</s>", "<unk>", *(f"{SPACE}w{n}" for n in range(60)))
    sizes = {"letter": 8, "width": 64, "hidden": 96, "most_pieces": 6, "most_tokens": 12}
    model = Translator(TranslatorConfig(words, heads=2, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    folder = tmp_path_factory.mktemp("translator")
    save_translator(model, folder)
    write_base(folder, shipped("small"))
    return folder
