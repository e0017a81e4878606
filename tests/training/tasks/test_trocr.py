"""Adapting a published TrOCR: both halves learn, and transformers with peft reads it too."""

import logging

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import VisionEncoderDecoderModel

pytest.importorskip("lightning", reason="training runs on Lightning Fabric")

from isotrope.ocr.trocr.loading import load_trocr
from isotrope.training.adaptation import Adaptation
from isotrope.training.card import write_card
from isotrope.training.tasks.trocr_recipe import TrOCRAdaptationRecipe

RECIPE = {
    "adapter": {"rank": 4},
    "data": {"batch": 2, "held_out": 4},
    "optimizer": {"learning_rate": 3e-2},
    "schedule": {"epochs": 8},
    "run": {"precision": "32-true", "workers": 0, "validate_epochs": 4},
}


@pytest.fixture
def data(drawn_lines):
    """Eight lines, and one that is longer than the model writes."""
    texts = [*(["the", "Paris", "12 mai", "invoice"] * 2), "the harbour " * 20]
    return drawn_lines(texts, wider=3)


def adapting(base, data, out, **changes):
    groups = {name: RECIPE.get(name, {}) | changes.get(name, {}) for name in RECIPE | changes}
    return Adaptation(TrOCRAdaptationRecipe.model_validate(groups), data, out, base)


def pixels():
    return torch.rand(2, 3, 384, 384, generator=torch.Generator().manual_seed(3)) * 2 - 1


def logits(model):
    with torch.no_grad():
        return model(pixel_values=pixels(), decoder_input_ids=torch.tensor([[2, 5, 7]] * 2)).logits


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`")  # peft and transformers
@pytest.mark.parametrize("layout", ["base", "small"])
def test_both_halves_learn_and_the_adapter_fits_a_plain_transformers_model(
    trocr, layout, data, tmp_path, caplog
):
    with caplog.at_level(logging.WARNING):
        run, losses = adapting(trocr(layout), data, tmp_path / "mine"), []
    assert "1 of 9 lines left out" in caplog.text
    frozen = {n: p.clone() for n, p in run.adapted.named_parameters() if ".lora_" not in n}
    learned = {n: p.clone() for n, p in run.adapted.named_parameters() if ".lora_B" in n}
    run.engine.task.validate = lambda model: {"cer": 1.0, "wer": 1.0, "score": run.engine.examples}
    run.fit(lambda row: losses.append(row["loss"]))
    assert losses[-1] < losses[0]
    for name, parameter in run.adapted.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name
        if name in learned:
            assert not torch.equal(parameter, learned[name]), name
    ours = load_trocr(trocr(layout), tmp_path / "mine")
    base = VisionEncoderDecoderModel.from_pretrained(trocr(layout))
    theirs = PeftModel.from_pretrained(base, tmp_path / "mine").eval()
    before = logits(load_trocr(trocr(layout)))
    torch.testing.assert_close(logits(theirs), logits(ours), rtol=1e-4, atol=1e-4)
    assert (logits(ours) - before).abs().max() > 1e-3
    trained = run.engine.average.module.eval()
    torch.testing.assert_close(logits(ours), logits(trained), rtol=2e-2, atol=2e-2)  # in 16 bits


def test_the_card_says_what_was_done_and_a_run_that_ended_goes_on_no_more(trocr, data, tmp_path):
    short = {"schedule": {"epochs": 1}, "adapter": {"rank": 2, "targets": "qv"}}
    first = adapting(trocr(), data, tmp_path / "mine", **short)
    first.fit()
    card = write_card(first).read_text()
    assert "A LoRA adapter of a published TrOCR:" in card
    assert "lines: 6 lines to train on, 2 held out, 1 left out" in card
    assert "acts on | qv; rank 2" in card
    again = adapting(trocr(), data, tmp_path / "mine", **short)
    again.fit()
    assert again.engine.rows == first.engine.rows
    with pytest.raises(ValueError, match=r"base was .* and is .*; give those"):
        adapting(trocr("printed"), data, tmp_path / "mine", **short)


def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(trocr, data, tmp_path):
    often = {"schedule": {"epochs": 4}, "run": {"save_minutes": 0}}
    whole = adapting(trocr(), data, tmp_path / "whole", **often)
    whole.fit()
    killed = adapting(trocr(), data, tmp_path / "killed", **often)

    def kill(row):
        if row["examples"] > 8:  # a group has 8
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed.fit(kill)
    again = adapting(trocr(), data, tmp_path / "killed", **often)
    assert again.engine.examples == 16
    kept = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["model"]
    assert sum(tensor.numel() for tensor in kept.values()) < 20_000  # the adapter alone
    again.fit()
    ends = (run.engine.average.module for run in (whole, again))
    torch.testing.assert_close(*(logits(model.eval()) for model in ends), rtol=1e-3, atol=1e-3)


def task(trocr, data, tmp_path, layout="base"):
    return adapting(trocr(layout), data, tmp_path / "mine").engine.task


def test_the_loss_is_that_of_transformers(trocr, data, tmp_path):
    made = task(trocr, data, tmp_path)
    rng = np.random.default_rng(0)
    batch = made.collate([made.draw(rng) for _ in range(4)])
    assert batch["pixels"].shape == (4, 384, 384, 3)
    assert (batch["written"][:, 0] == 2).all()
    base = VisionEncoderDecoderModel.from_pretrained(trocr()).eval()
    base.config.pad_token_id, base.config.decoder_start_token_id = 1, 2
    base.config.vocab_size = base.config.decoder.vocab_size
    with torch.no_grad():
        seen = made.base.preparation.values(batch["pixels"])
        theirs = base(pixel_values=seen, labels=batch["labels"]).loss
        ours = made.loss(made.model.eval(), batch)["loss"]
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("starts", [True, False])
def test_a_text_begins_with_a_start_token_where_the_base_writes_one(
    trocr, data, tmp_path, monkeypatch, starts
):
    monkeypatch.setattr("isotrope.ocr.trocr.model.TrOCRModel.writes_start", lambda *_: starts)
    made = task(trocr, data, tmp_path)
    line = made.draw(np.random.default_rng(0))
    assert line.tokens[-1] == 2
    assert (line.tokens[0] == 0) == starts
    assert made.base.tokenizer.decode(line.tokens, skip_special_tokens=True) in {
        *("the", "Paris", "12 mai", "invoice")
    }


def test_whether_the_base_writes_a_start_token(trocr):
    model = load_trocr(trocr())
    likes = model.decoder.output_projection
    with torch.no_grad():
        likes.weight = torch.nn.Parameter(likes.weight.clone())  # no longer tied
        likes.weight[0] = 0
        assert not model.writes_start(pixels())
        hidden = model(pixel_values=pixels(), decoder_input_ids=torch.full((2, 1), 2))
        state = model.decoder.model(
            input_ids=torch.full((2, 1), 2), encoder_hidden_states=hidden.encoder_last_hidden_state
        ).last_hidden_state[:, 0]
        likes.weight[0] = 100 * state.mean(0)
    assert model.writes_start(pixels())
