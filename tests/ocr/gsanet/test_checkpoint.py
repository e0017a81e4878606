"""A TrOCR checkpoint's decoder behind an equivariant encoder; a small random one, as published."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertLMHeadModel,
    PreTrainedTokenizerFast,
    TrOCRConfig,
    TrOCRForCausalLM,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTModel,
)

from isotrope.lora import add_adapter
from isotrope.models.config import EquivariantViTConfig, Stage
from isotrope.ocr.gsanet.export import export_onnx
from isotrope.ocr.gsanet.recognizer import Recognizer

WIDTH = 24


def encoder(dim=WIDTH):
    return EquivariantViTConfig("C4", 3, (4, 4, 0), [Stage("gsa", 1, dim, 2, "rotary")])


def vit():
    sizes = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2}
    return ViTModel(ViTConfig(image_size=32, patch_size=16, intermediate_size=32, **sizes))


@pytest.fixture
def checkpoint(tmp_path):
    """ViT, TrOCR decoder, byte-level pieces of words; decoding starts with the end token."""
    torch.manual_seed(0)
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=special,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    pieces.train_from_iterator(["the invoice of the harbour"] * 20, trainer)
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), special, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=pieces, **names).save_pretrained(tmp_path)
    decoder = TrOCRForCausalLM(
        TrOCRConfig(
            vocab_size=300,
            d_model=16,
            decoder_layers=2,
            decoder_attention_heads=2,
            decoder_ffn_dim=32,
            max_position_embeddings=24,
            cross_attention_hidden_size=WIDTH,
            is_decoder=True,
            add_cross_attention=True,
        )
    )
    model = VisionEncoderDecoderModel(encoder=vit(), decoder=decoder)
    model.config.decoder_start_token_id = 2
    model.save_pretrained(tmp_path)
    return tmp_path


def test_the_decoder_is_the_checkpoints(checkpoint):
    published = VisionEncoderDecoderModel.from_pretrained(checkpoint).decoder.state_dict()
    model = Recognizer.from_trocr(checkpoint, encoder=encoder())
    ours = model.decoder.state_dict()
    assert set(ours) == set(published)
    assert all(torch.equal(ours[name], published[name]) for name in published)
    assert model.config.decoder_start_token_id == 2
    assert model.config.max_characters == 22


def test_another_width_gets_new_projections_alone(checkpoint):
    published = VisionEncoderDecoderModel.from_pretrained(checkpoint).decoder.state_dict()
    ours = Recognizer.from_trocr(checkpoint, encoder=encoder(32)).decoder.state_dict()
    other = {name for name in ours if ours[name].shape != published[name].shape}
    assert other == {
        f"model.decoder.layers.{layer}.encoder_attn.{name}.weight"
        for layer in (0, 1)
        for name in ("k_proj", "v_proj")
    }


@pytest.mark.parametrize("dim", [WIDTH, 32])
def test_it_reads_the_same_at_four_turns_and_comes_back(checkpoint, tmp_path, dim):
    model = Recognizer.from_trocr(checkpoint, encoder=encoder(dim), image_height=16).eval()
    pixels = torch.rand(1, 3, 16, 48)
    texts, confidence, *_ = model.read(pixels)
    for turn in (1, 2, 3):
        other, confidence_there, *_ = model.read(pixels.rot90(turn, (2, 3)))
        assert other == texts
        torch.testing.assert_close(confidence_there, confidence)
    model.save_pretrained(tmp_path / "saved")
    loaded = Recognizer.from_pretrained(tmp_path / "saved").eval()
    assert loaded.read(pixels)[0] == texts


@pytest.mark.parametrize("layout", ["base", "printed", "small"])
def test_the_decoder_of_each_published_layout_reads_the_same_at_four_turns(trocr, layout, tmp_path):
    model = Recognizer.from_trocr(trocr(layout), encoder=encoder(), image_height=16).eval()
    pixels = torch.rand(1, 3, 16, 48)
    texts = model.read(pixels)[0]
    assert model.read(pixels.rot90(1, (2, 3)))[0] == texts
    model.save_pretrained(tmp_path)
    assert Recognizer.from_pretrained(tmp_path).eval().read(pixels)[0] == texts
    model.train()
    labels = model.encode_text(["Paris"])
    loss = model(pixel_values=torch.rand(1, 3, 16, 48), labels=labels).loss
    assert loss.isfinite()


def test_the_tokenizer_comes_from_where_the_weights_do(checkpoint, tmp_path, monkeypatch):
    Recognizer.from_trocr(checkpoint, encoder=encoder()).save_pretrained(tmp_path / "saved")
    found, load = {}, AutoTokenizer.from_pretrained

    def loading(path, **options):
        found.update(options)
        return load(path, **options)

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", loading)
    where = {"revision": "main", "local_files_only": True, "cache_dir": str(tmp_path / "cache")}
    Recognizer.from_pretrained(tmp_path / "saved", **where)
    assert found == where


def test_texts_are_pieces_of_words(checkpoint):
    model = Recognizer.from_trocr(checkpoint, encoder=encoder())
    labels = model.encode_text(["the invoice", "ünïcode"])
    assert labels.shape[1] < 16
    assert model.decode_text(labels.clamp(min=1)) == ["the invoice", "ünïcode"]
    with pytest.raises(ValueError, match="tokens; this model writes up to 22"):
        model.encode_text(["xyz" * 20])
    assert not model.can_write("xyz" * 20)


def test_it_learns_and_takes_adapters(checkpoint):
    model = add_adapter(Recognizer.from_trocr(checkpoint, encoder=encoder()), "all", rank=2)
    labels = model.encode_text(["the harbour"])
    loss = model(pixel_values=torch.rand(1, 3, 16, 48), labels=labels).loss
    loss.backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_it_is_not_exported(checkpoint, tmp_path):
    pytest.importorskip("onnxscript", reason="needs isotrope[onnx]")
    model = Recognizer.from_trocr(checkpoint, encoder=encoder())
    with pytest.raises(ValueError, match="writes with a tokenizer, which is not exported"):
        export_onnx(model, tmp_path / "exported")


def test_another_model_is_refused_in_one_line(checkpoint, tmp_path, capfd):
    remedy = r"not a Recognizer; give a folder that Recognizer\.save_pretrained wrote"
    with pytest.raises(ValueError, match=rf"holds VisionEncoderDecoderModel, {remedy}"):
        Recognizer.from_pretrained(checkpoint)
    vit().save_pretrained(tmp_path / "vit")
    capfd.readouterr()
    with pytest.raises(ValueError, match=rf"vit holds ViTModel, {remedy}"):
        Recognizer.from_pretrained(tmp_path / "vit")
    assert not capfd.readouterr().err


def test_what_is_no_trocr_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"has no config\.json; give a folder with a TrOCR"):
        Recognizer.from_trocr(tmp_path, encoder=encoder())
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    bert = BertLMHeadModel(
        BertConfig(vocab_size=40, is_decoder=True, add_cross_attention=True, **sizes)
    )
    VisionEncoderDecoderModel(encoder=vit(), decoder=bert).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is a BertLMHeadModel; give one of TrOCR"):
        Recognizer.from_trocr(tmp_path, encoder=encoder())
