from pathlib import Path

import numpy as np
import pytest
import torch

from isotrope.lora import add_adapter
from isotrope.ocr.recognition.ctc import Decoded
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig, StageConfig
from isotrope.ocr.translation.columns import mean_features
from isotrope.ocr.translation.config import TranslatorConfig
from isotrope.ocr.translation.files import load_arrays
from isotrope.ocr.translation.model import Translator
from isotrope.ocr.translation.pieces import gathered
from isotrope.training.mix import LineSample
from isotrope.training.recipe_file import load_recipe
from isotrope.training.tasks.translation import TranslationTask, by_rank, chrf, translations
from isotrope.training.tasks.translation_lines import (
    LineTranslationTask,
    ReadingTranslator,
    assembled,
)
from isotrope.training.tasks.translation_recipe import TranslationRecipe
from isotrope.training.translation.reading import ReadLine
from isotrope.training.translation.samples import FeatureBank
from isotrope.training.translation.vocabulary import learn_tokenizer, vocabulary

RECIPES = Path(__file__).parents[3] / "recipes"
PAIRS = {f"le chat {word}": (f"the cat {word}",) for word in ("a", "b", "c", "d", "e")}
STAGES = (StageConfig(8, 1), StageConfig(8, 1), StageConfig(16, 1))
CHARSET = "abcdefghlt "


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer([text for several in PAIRS.values() for text in several], 40)


@pytest.fixture
def model(tokenizer):
    torch.manual_seed(0)
    sizes = {"letter": 4, "width": 16, "hidden": 16, "heads": 2, "features": 8}
    return Translator(TranslatorConfig(vocabulary(tokenizer), **sizes), dropout=0.0)


@pytest.fixture
def task(model, tokenizer):
    rng = np.random.default_rng(0)
    bank = FeatureBank(CHARSET, rng.normal(size=(len(CHARSET), 8)).astype(np.float16), most=2)
    text = "le chat a"
    line = ReadLine(text, text, bank.draw(text, rng))
    return TranslationTask(
        *(model, PAIRS, bank, [line], [line], PAIRS, tokenizer), share=0.5, group=16, parts=2
    )


def test_the_recipe_of_the_shipped_translator_loads():
    recipe = load_recipe(TranslationRecipe, RECIPES / "translate.toml")
    assert recipe.names == ("fr-en", "de-en")
    stage = recipe.stage("columns")
    assert stage.schedule.minutes == recipe.columns.minutes
    assert stage.optimizer.learning_rate == recipe.columns.learning_rate
    assert recipe.identity() == stage.identity()


def test_the_vocabulary_writes_back_what_it_splits(tokenizer):
    config = TranslatorConfig(vocabulary(tokenizer))
    assert config.text(tokenizer.encode("the cat b").ids) == "the cat b"


def test_a_translator_learns_five_sentences(task):
    model = task.model
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for group in range(8):
        for batch in task.stream(group, 0, 1).group(group).batches:
            loss = task.loss(model, batch)["loss"]
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    assert losses[-1] < losses[0] / 1.5
    assert task.validate(model.eval())["score"] > 30


def test_plain_samples_have_no_noise(task):
    task.plain, task.share = True, 0.0
    samples = [task.draw(np.random.default_rng(n)) for n in range(40)]
    means = {key: gathered(task.bank.mean(key), key) for key in PAIRS}
    assert all(any(np.array_equal(s.pieces, m) for m in means.values()) for s in samples)


def test_lines_of_any_length_are_translated_together_as_alone(model):
    rng = np.random.default_rng(0)
    lines = [rng.normal(size=(n, 8, 8)).astype(np.float32) for n in (2, 3, 2, 0)]
    together = translations(model.eval(), lines)
    assert together == [translations(model, [line])[0] for line in lines]
    assert together[3] == ""


def test_chrf_takes_the_best_reference():
    assert chrf(["the cat"], [("a dog", "the cat")]) == pytest.approx(100)
    assert by_rank([("a",), ("b", "c")]) == [["a", "b"], [None, "c"]]


def test_the_model_that_is_saved_is_a_byte_a_parameter(task, tmp_path):
    task.save(task.model, tmp_path)
    config, _, arrays = load_arrays(tmp_path)
    assert config == task.model.config
    assert sum(a.size for a in arrays.values()) == sum(p.numel() for p in task.model.parameters())


def test_pieces_of_columns_are_the_same_with_gradients():
    features = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    read = Decoded("ab c", (1.0,) * 4, ((0, 1), (3, 3), (4, 4), (6, 8)), 0.0, 9)
    found = assembled(torch.from_numpy(features), read).numpy()
    assert np.allclose(found, gathered(mean_features(features, read), "ab c"))


class Source:
    """Lines of noise."""

    train = valid = PAIRS

    def draw(self, rng):
        pixels = torch.from_numpy(rng.integers(0, 256, (3, 48, 160), dtype=np.uint8))
        return LineSample(pixels, list(PAIRS)[int(rng.integers(len(PAIRS)))])

    def held_out(self):
        return [(self.draw(np.random.default_rng(0)).pixels, "le chat a")]


def test_lines_train_the_adapter_and_the_translator(model, tokenizer, tmp_path):
    torch.manual_seed(0)
    recognizer = LineRecognizer(LineRecognizerConfig(CHARSET, "plain", STAGES, "conv", 8))
    with torch.no_grad():
        recognizer.head.bias[0] = -2.0  # so that something is read
    both = ReadingTranslator(add_adapter(recognizer, rank=1), model)
    task = LineTranslationTask(both, Source(), tokenizer, 0.2)
    (batch, *_) = task.stream(0, 0, 1).group(0).batches
    losses = task.loss(both, task.finish(batch))
    losses["loss"].backward()
    learned = {name for name, p in both.named_parameters() if p.grad is not None and p.grad.any()}
    assert any("lora_B" in name for name in learned)
    assert any(name.startswith("translator.letter") for name in learned)
    assert not any("base_layer" in name for name in learned)
    assert task.validate(both)["score"] >= 0
    task.save(both, tmp_path)
    assert {"translator.json", "adapter_config.json", "base.json"} <= {
        path.name for path in tmp_path.iterdir()
    }
