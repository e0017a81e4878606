"""Any TrOCR folder as an engine: a small random one, as the published ones are laid out."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    TrOCRConfig,
    TrOCRForCausalLM,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTModel,
)

from isotrope.lora import add_adapter, save_adapter
from isotrope.ocr.engines import make_engine
from isotrope.ocr.engines.trocr import TrOCR
from isotrope.ocr.orientation.orbit import OrbitFinder
from isotrope.ocr.reader import Reader
from isotrope.ocr.reading import TURNS

SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trocr")
    torch.manual_seed(0)
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(SPECIAL.values()),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    pieces.train_from_iterator(["the invoice of the harbour"] * 20, trainer)
    PreTrainedTokenizerFast(tokenizer_object=pieces, **SPECIAL).save_pretrained(folder)
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    vit = ViTModel(ViTConfig(image_size=32, patch_size=16, intermediate_size=32, **sizes))
    decoder = TrOCRConfig(
        vocab_size=300,
        d_model=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=32,
        max_position_embeddings=24,
        cross_attention_hidden_size=24,
        is_decoder=True,
        add_cross_attention=True,
    )
    model = VisionEncoderDecoderModel(encoder=vit, decoder=TrOCRForCausalLM(decoder))
    with torch.no_grad():
        for parameter in model.parameters():  # or every image reads alike
            parameter.add_(torch.randn_like(parameter))
        model.decoder.output_projection.weight.normal_()
    model.generation_config.decoder_start_token_id = 2
    model.generation_config.pad_token_id = 1
    model.generation_config.eos_token_id = 2
    model.generation_config.max_length = 12
    model.save_pretrained(folder)
    preparation = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))
    return folder


def lines(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (9 + i, 30 - i, 3), np.uint8) for i in range(count)]


def test_reads_the_same_at_four_turns(folder):
    engine = make_engine("trocr", path=folder)
    reader = Reader(engine)
    assert isinstance(reader.finder, OrbitFinder)
    texts = set()
    for line in lines(3):
        four = list(reader.stream([line], turns=TURNS))
        assert len({reading.text for reading in four}) == 1
        assert all(0 < reading.confidence <= 1 for reading in four)
        texts.add(four[0].text)
    assert len(texts) > 1


@pytest.mark.parametrize("beams", [1, 3])
def test_a_batch_reads_as_one_by_one(folder, beams):
    engine = make_engine("trocr", path=folder, beams=beams)
    alone = [engine.read([line])[0] for line in lines(4)]
    together = engine.read(lines(4), batch_size=3)
    assert [line.text for line in together] == [line.text for line in alone]
    for one, other in zip(alone, together, strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_the_confidence_is_the_geometric_mean_over_the_tokens(folder):
    engine = make_engine("trocr", path=folder)
    (image,) = lines(1)
    pixels = torch.from_numpy(engine._prepared(image))[None]
    tokens = engine.model.generate(pixels)
    with torch.no_grad():
        logits = engine.model(pixel_values=pixels, decoder_input_ids=tokens[:, :-1]).logits
    log_p = logits.log_softmax(-1).gather(2, tokens[:, 1:, None]).mean()
    (line,) = engine.read([image])
    assert line.confidence == pytest.approx(log_p.exp().item(), rel=1e-3)


def test_pixels_are_prepared_as_the_folder_says(folder):
    engine = make_engine("trocr", path=folder)
    prepared = engine._prepared(np.full((5, 9, 3), 255, np.uint8))
    assert prepared.shape == (3, 32, 32)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, 1.0, atol=1e-6)
    (line,) = lines(1)
    sized = np.asarray(Image.fromarray(line).resize((32, 32), Image.Resampling.BICUBIC))
    expected = sized.transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(engine._prepared(line), expected, atol=1e-5)


def test_an_adapter_changes_what_is_read(folder, tmp_path):
    base = make_engine("trocr", path=folder)
    adapted = add_adapter(
        VisionEncoderDecoderModel.from_pretrained(folder), ["decoder"], rank=2, alpha=64
    )
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter)
    save_adapter(adapted, tmp_path)
    other = make_engine("trocr", path=folder, adapter=tmp_path)
    assert other.read(lines(3)) != base.read(lines(3))


def test_what_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match=r"'trocr' needs a folder .* path=None has no config"):
        make_engine("trocr")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="no TrOCR that can be loaded") as caught:
        make_engine("trocr", path=tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="beams=0 must be 1 or more"):
        TrOCR(None, None, beams=0)
