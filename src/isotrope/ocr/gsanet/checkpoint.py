"""Check that checkpoints are recognizers', and load parts of a published TrOCR."""

from __future__ import annotations

import os
from pathlib import Path

from torch import nn
from transformers import (
    AutoTokenizer,
    PreTrainedConfig,
    TrOCRForCausalLM,
    VisionEncoderDecoderModel,
)
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from isotrope.ocr.gsanet.encoder import LiftedEncoderConfig
from isotrope.ocr.trocr.positions import refill_positions
from isotrope.text.tokens import EOS, PAD

_HUB = (
    *("cache_dir", "force_download", "local_files_only", "proxies"),
    *("revision", "subfolder", "token"),
)
"""Arguments of `from_pretrained` that locate the files."""


def hub_options(options: dict) -> dict:
    """Select the options that apply to a tokenizer's files as well as a model's."""
    return {name: options[name] for name in _HUB if name in options}


def refuse_another_model(path: str | os.PathLike, hub: dict) -> None:
    """Raise ValueError if `config.json` is not a recognizer's; ignore a missing one.

    transformers itself loads what it can of any model, and lists every tensor that it could not.
    """
    config, _ = PreTrainedConfig.get_config_dict(path, **hub)
    names = config.get("architectures") or [config.get("model_type") or "an unknown model"]
    encoder = config.get("encoder")
    kind = encoder.get("model_type") if isinstance(encoder, dict) else None
    if "Recognizer" not in names and (
        kind != LiftedEncoderConfig.model_type or "charset" not in config
    ):
        raise ValueError(
            f"{path} holds {', '.join(map(str, names))}, not a Recognizer; give a folder that "
            "Recognizer.save_pretrained wrote (Recognizer.from_trocr takes the decoder of a "
            "published TrOCR)"
        )


def published(
    path: str | os.PathLike, width: int
) -> tuple[TrOCRForCausalLM, PreTrainedTokenizerBase]:
    """Load the decoder and tokenizer at `path`, adapted to encoder tokens `(B, T, width)`.

    Raises:
        ValueError: There is no checkpoint or no TrOCR decoder, or its special tokens differ from
            ours.
    """
    if not (Path(path) / "config.json").is_file():
        raise ValueError(
            f"{path} has no config.json; give a folder with a TrOCR checkpoint and its tokenizer"
        )
    model = VisionEncoderDecoderModel.from_pretrained(path)
    decoder = model.decoder
    if not isinstance(decoder, TrOCRForCausalLM):
        raise ValueError(f"the decoder at {path} is a {type(decoder).__name__}; give one of TrOCR")
    refill_positions(decoder)
    start = model.generation_config.decoder_start_token_id
    start = getattr(model.config, "decoder_start_token_id", start)  # published configs have none
    if start is not None:
        decoder.config.decoder_start_token_id = start
    found = (decoder.config.pad_token_id, decoder.config.eos_token_id)
    if found != (PAD, EOS):
        raise ValueError(
            f"{path} pads and ends with the tokens {found}; isotrope reads those with {PAD, EOS}; "
            "give a checkpoint with RoBERTa's tokens, as the published ones have"
        )
    _widen(decoder, width)
    return decoder, AutoTokenizer.from_pretrained(path)


def _widen(decoder: TrOCRForCausalLM, width: int) -> None:
    """Replace the key and value projections of cross-attention if the width differs."""
    decoder.config.cross_attention_hidden_size = width
    for layer in decoder.model.decoder.layers:
        attention = layer.encoder_attn
        for name in ("k_proj", "v_proj"):
            old = getattr(attention, name)
            if old.in_features != width:
                new = nn.Linear(width, old.out_features, bias=old.bias is not None)
                nn.init.normal_(new.weight, std=width**-0.5)
                setattr(attention, name, new.to(old.weight.dtype))
