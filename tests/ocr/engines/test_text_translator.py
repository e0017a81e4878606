"""A small random MarianMT and M2M100, in the layout in which they are published."""

import json

import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from isotrope.ocr.engines.text_translator import PretrainedTranslator
from isotrope.ocr.engines.translating import Cascade
from isotrope.ocr.reader import Reader

SENTENCES = ["le chat dort", "the cat sleeps", "un chien mange la soupe", "a dog eats the soup"]


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    spm = pytest.importorskip("sentencepiece")
    from transformers import MarianConfig, MarianMTModel

    folder = tmp_path_factory.mktemp("marian")
    for side in ("source", "target"):
        prefix = str(folder / side)
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES * 20),
            model_prefix=prefix,
            vocab_size=40,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
    pieces = spm.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    names = [pieces.id_to_piece(number) for number in range(pieces.get_piece_size())]
    tokens = {name: number for number, name in enumerate(dict.fromkeys(["</s>", "<unk>", *names]))}
    tokens["<pad>"] = pad = len(tokens)
    (folder / "vocab.json").write_text(json.dumps(tokens))
    settings = {"source_lang": "fr", "target_lang": "en", "tokenizer_class": "MarianTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    config = MarianConfig(
        **{"vocab_size": pad + 1, "d_model": 16, "max_position_embeddings": 64, "max_length": 12},
        **{"encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16},
        **{"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16},
        **{"pad_token_id": pad, "eos_token_id": 0, "decoder_start_token_id": pad},
        init_std=0.5,
    )
    model = MarianMTModel(config)
    model.generation_config.num_beams = 2
    model.save_pretrained(folder)
    return folder


def test_a_marian_translates_each_text_alone(marian):
    translate = PretrainedTranslator.from_pretrained(marian)
    both = translate(["le chat dort", "un chien mange"])
    assert both == translate(["le chat dort"]) + translate(["un chien mange"])
    assert all(text and 0 < confidence <= 1 for text, confidence in both)


def test_a_reader_with_a_marian_keeps_what_was_read(marian):
    image = Image.new("RGB", (320, 64), "white")
    ImageDraw.Draw(image).text((20, 8), "le chat dort", "black", ImageFont.load_default(40))
    reader = Reader.from_pretrained(translate=marian, threads=1)
    assert isinstance(reader.engine, Cascade)
    (reading,) = reader.read(image)
    ((expected, _),) = PretrainedTranslator.from_pretrained(marian)(["le chat dort"])
    assert (reading.text, reading.source) == (expected, "le chat dort")
    for turn in (90, 180, 270):
        (turned,) = reader.read(image.rotate(turn, expand=True))
        assert (turned.text, turned.confidence) == (reading.text, reading.confidence)


class Languages:
    """A tokenizer of several languages."""

    unk_token_id = 0

    def convert_tokens_to_ids(self, token):
        return {"eng_Latn": 7}.get(token, 0)


def test_the_language_to_write_must_be_known():
    PretrainedTranslator(None, Languages(), "eng_Latn")
    with pytest.raises(ValueError, match="does not know the language 'xxx_Latn'"):
        PretrainedTranslator(None, Languages(), "xxx_Latn")


def test_a_broken_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="no translator that can be loaded"):
        PretrainedTranslator.from_pretrained(tmp_path)
