"""Small random TrOCRs, in folders laid out as the published ones are."""

import io
import json

import pytest

TEXTS = ["the invoice of the harbour", "Paris, 12 mai 1905", "Straße und Maß"] * 20
MARKS = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "cls": "<s>", "sep": "</s>"}


@pytest.fixture(scope="session")
def trocr(tmp_path_factory):
    """Makes, once each, the folder of a random TrOCR.

    `base`: as microsoft/trocr-base-handwritten: ViT, byte-level pieces, no pooler, no cache.
    `printed`: as trocr-large-printed: sinusoidal positions, embeddings that are not tied.
    `small`: as trocr-small-handwritten: DeiT, pieces of sentencepiece.
    `again`: trained further and saved by transformers 5: BEiT, a tokenizer.json, beam search.
    """
    made = {}

    def folder(layout="base"):
        if layout not in made:
            made[layout] = tmp_path_factory.mktemp(f"trocr-{layout}")
            _make(layout, made[layout])
        return made[layout]

    return folder


def _make(layout, folder):
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import (
        BeitConfig,
        BeitModel,
        DeiTConfig,
        DeiTModel,
        TrOCRConfig,
        TrOCRForCausalLM,
        VisionEncoderDecoderModel,
        ViTConfig,
        ViTModel,
    )

    torch.manual_seed(0)
    tokens = {"small": _sentencepiece, "again": _one_file}.get(layout, _byte_level)(folder)
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"image_size": 384, "patch_size": 48, "intermediate_size": 32}
    encoder = {
        "small": lambda: DeiTModel(DeiTConfig(**sizes)),
        "again": lambda: BeitModel(BeitConfig(**sizes, use_relative_position_bias=True)),
    }.get(layout, lambda: ViTModel(ViTConfig(**sizes, qkv_bias=False)))()
    sinusoidal = layout == "printed"
    decoder = TrOCRConfig(
        vocab_size=tokens + 2,  # published ones have a few more than their tokenizers
        d_model=16,
        decoder_layers=2,
        decoder_attention_heads=2,
        decoder_ffn_dim=32,
        max_position_embeddings=24,
        cross_attention_hidden_size=24,
        is_decoder=True,
        add_cross_attention=True,
        use_learned_position_embeddings=not sinusoidal,
        layernorm_embedding=not sinusoidal,
        scale_embedding=sinusoidal,
        tie_word_embeddings=not sinusoidal,
        activation_function="relu" if sinusoidal else "gelu",
    )
    model = VisionEncoderDecoderModel(encoder=encoder, decoder=TrOCRForCausalLM(decoder))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
        for layer in model.decoder.model.decoder.layers:  # or every image reads alike
            layer.encoder_attn.q_proj.weight.mul_(4)
            layer.encoder_attn.out_proj.weight.mul_(20)
        tied = model.decoder.model.decoder.embed_tokens.weight
        for table in {tied, model.decoder.output_projection.weight}:
            table.mul_(0.2)
            table[5 : 5 if layout == "small" else 260].mul_(0.2)  # bytes of no text
    if layout == "again":
        model.generation_config.num_beams = 2
        model.generation_config.early_stopping = True
        model.generation_config.max_length = 22
    model.save_pretrained(folder)
    _edit(folder / "config.json", lambda config: config["decoder"].update(use_cache=False))
    if layout == "again":
        return
    _edit(
        folder / "generation_config.json",
        lambda config: (config.update(use_cache=False), config.pop("max_length", None)),
    )
    weights = load_file(folder / "model.safetensors")
    weights = {name: tensor for name, tensor in weights.items() if ".pooler." not in name}
    if sinusoidal:
        weights["decoder.model.decoder.embed_positions._float_tensor"] = torch.zeros(1)
    if layout == "small":  # as in the older repositories
        torch.save(weights, folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    else:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _edit(file, change):
    config = json.loads(file.read_text())
    change(config)
    file.write_text(json.dumps(config))


def _pixels(folder, kind, resample):
    half = [0.5, 0.5, 0.5]
    values = {"do_normalize": True, "do_resize": True, "feature_extractor_type": kind}
    values |= {"image_mean": half, "image_std": half, "resample": resample, "size": 384}
    if kind.startswith("DeiT"):
        values |= {"do_center_crop": False, "crop_size": 384}
    (folder / "preprocessor_config.json").write_text(json.dumps(values))


def _tokenizer_config(folder, name):
    marks = {f"{kind}_token": mark for kind, mark in MARKS.items()} | {"mask_token": "<mask>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(marks | {"tokenizer_class": name}))
    (folder / "special_tokens_map.json").write_text(json.dumps(marks))


def _byte_level(folder):
    from tokenizers import ByteLevelBPETokenizer

    _pixels(folder, "ViTFeatureExtractor", 2)
    pieces = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces.train_from_iterator(TEXTS, 300, special_tokens=special, show_progress=False)
    pieces.save_model(str(folder))
    _tokenizer_config(folder, "RobertaTokenizer")
    return pieces.get_vocab_size()


def _sentencepiece(folder):
    sentencepiece = pytest.importorskip("sentencepiece")
    from transformers import AutoTokenizer

    _pixels(folder, "DeiTFeatureExtractor", 3)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_writer=model,
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    _tokenizer_config(folder, "XLMRobertaTokenizer")
    return len(AutoTokenizer.from_pretrained(folder))


def _one_file(folder):
    from transformers import AutoTokenizer

    count = _byte_level(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    for name in ("vocab.json", "merges.txt", "special_tokens_map.json"):
        (folder / name).unlink(missing_ok=True)
    values = (folder / "preprocessor_config.json").rename(folder / "processor_config.json")
    processor = json.loads(values.read_text())
    processor.pop("feature_extractor_type")
    processor |= {
        "size": {"height": 384, "width": 384},
        "image_processor_type": "ViTImageProcessor",
    }
    values.write_text(
        json.dumps({"image_processor": processor, "processor_class": "TrOCRProcessor"})
    )
    return count
