"""A TrOCR of each published layout is loaded whole, and a broken folder is named."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, VisionEncoderDecoderModel

from isotrope.ocr.loading import default_engine, shipped
from isotrope.ocr.trocr.loading import load_trocr

LAYOUTS = ["base", "printed", "small", "again"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_loaded_whole(trocr, layout):
    model = load_trocr(trocr(layout))
    tokens = AutoTokenizer.from_pretrained(trocr(layout))("the harbour").input_ids
    assert model.encoded("the harbour") == tokens[1:-1]
    assert model.special == (2, 1, 2)
    assert model.dtype == torch.float32
    assert not model.training
    # All that was saved is there: tied weights, positions, relative biases.
    assert next(iter(model.encoder.parameters())).abs().sum() > 0
    pixels = torch.rand(2, 3, 384, 384) * 2 - 1
    logits = model(pixel_values=pixels, decoder_input_ids=torch.tensor([[2, 5, 7]] * 2)).logits
    assert logits.isfinite().all()
    assert (logits[0] - logits[1]).abs().max() > 1e-3


def test_sinusoidal_positions_are_those_of_the_model_that_was_saved(trocr):
    # transformers 5 itself leaves the table on the meta device, and cannot run such a model.
    model = load_trocr(trocr("printed"))
    table = model.decoder.model.decoder.embed_positions
    given = type(table)(26, 16, 1)
    torch.testing.assert_close(table.weights, given.weights)
    moved = model.to(torch.bfloat16)
    assert moved.decoder.model.decoder.embed_positions.weights.dtype == torch.bfloat16


def test_the_same_numbers_as_transformers(trocr):
    ours, theirs = load_trocr(trocr()), VisionEncoderDecoderModel.from_pretrained(trocr())
    pixels, tokens = torch.rand(1, 3, 384, 384), torch.tensor([[2, 5, 9]])
    with torch.no_grad():
        here, there = (m(pixels, tokens).logits for m in (ours, theirs.eval()))
    torch.testing.assert_close(here, there, rtol=0, atol=0)


def test_how_it_decodes(trocr):
    # transformers stops after 20 tokens where the folder is silent.
    assert load_trocr(trocr()).longest == 24
    assert load_trocr(trocr()).usual_beams == 1
    again = load_trocr(trocr("again"))
    assert (again.longest, again.usual_beams) == (22, 2)
    assert again.beam_options == {"early_stopping": True}


def test_a_limit_of_twenty_is_nobodys_choice(trocr, tmp_path):
    folder = shutil.copytree(trocr(), tmp_path / "old")
    config = json.loads((folder / "config.json").read_text())
    config["decoder"] |= {"max_length": 20, "max_position_embeddings": 24}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").unlink()
    assert load_trocr(folder).longest == 24


def test_what_it_can_write(trocr):
    model = load_trocr(trocr("small"))
    assert model.can_write("the invoice")
    assert not model.can_write("the invoice ☃")  # unknown
    assert not model.can_write("the invoice of the harbour " * 3)  # 24 tokens at the most


def test_a_folder_without_weights_of_its_own_says_so(trocr, tmp_path):
    folder = shutil.copytree(trocr(), tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    weights.pop("decoder.model.decoder.layers.1.fc1.weight")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"missing: decoder\.model\.decoder\.layers\.1\.fc1\.weig"):
        load_trocr(folder)
    weights["decoder.model.decoder.layers.1.fc1.weight"] = torch.zeros(3, 3)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"of another shape: decoder\.model\.decoder\.layers"):
        load_trocr(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="no TrOCR that can be loaded"):
        load_trocr(folder)


def test_a_folder_without_its_tokenizer_says_so(trocr, tmp_path):
    folder = shutil.copytree(trocr(), tmp_path / "broken")
    (folder / "vocab.json").unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer \(one of tokenizer.json, vocab.json"):
        load_trocr(folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="its tokenizer cannot be loaded"):
        load_trocr(folder)


def test_another_model_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"'trocr' needs a folder .* path=None has no config"):
        load_trocr(None)
    with pytest.raises(ValueError, match="is of Recognizer, not of a VisionEncoderDecoderModel"):
        load_trocr(shipped("recognizer"))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"config\.json is broken, not of a VisionEncoderDecoder"):
        load_trocr(tmp_path)


def test_the_weights_say_which_engine_reads(trocr):
    assert default_engine(trocr()) == "trocr"
    assert default_engine(shipped("recognizer")) == "gsanet"
    assert default_engine(shipped("small")) == "isotrope"
    assert default_engine() == "isotrope"
