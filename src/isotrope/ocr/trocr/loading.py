"""Load a published TrOCR from its folder, without any network, and say what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase
from transformers.utils import logging

from isotrope.lora import load_adapter
from isotrope.lora.sharing import shared_copy
from isotrope.lora.summing import sum_adapters
from isotrope.ocr.adapter_names import Adapters, Given, one_adapter
from isotrope.ocr.checkpoints import misfits
from isotrope.ocr.loading import is_trocr
from isotrope.ocr.trocr.model import LONGEST, TrOCRModel
from isotrope.ocr.trocr.positions import refill_positions
from isotrope.ocr.trocr.preparation import Preparation

_REMEDY = "give a folder as published, such as microsoft/trocr-base-handwritten's"

_VOCABULARIES = ("tokenizer.json", "vocab.json", "sentencepiece.bpe.model", "spiece.model")

_ALWAYS = ("no_repeat_ngram_size", "repetition_penalty", "bad_words_ids", "suppress_tokens")
"""Settings of the folder that apply to any decoding."""

_BEAMS = ("length_penalty", "early_stopping")
"""Those that apply to a beam search alone."""

_TRANSFORMERS_LIMIT = 20
"""The length that transformers gives to who sets none: a line's text would end in the middle."""


def load_trocr(path: str | Path | None, adapter: Given = None) -> TrOCRModel:
    """Load a TrOCR on the CPU in float32, in eval mode.

    Args:
        path: A folder with a `VisionEncoderDecoderModel`, its tokenizer and its image processor.
        adapter: The folder of a LoRA adapter of that model, or a sum of several, as in
            `adapter_names`. With one, a `PeftModel` is returned, which forwards unknown attributes
            to the model inside; a sum is merged.

    Raises:
        ValueError: There is no such checkpoint at `path`, a part of it is missing or broken, or
            there is no matching adapter.
    """
    if path is None or not (Path(path) / "config.json").is_file():
        raise ValueError(
            f"engine 'trocr' needs a folder with a TrOCR checkpoint and its tokenizer, and "
            f"path={str(path) if path is not None else None!r} has no config.json"
        )
    path = Path(path)
    if not is_trocr(path):
        raise ValueError(
            f"{path}: its config.json is {_kind(path)}, not of a VisionEncoderDecoderModel; "
            f"{_REMEDY}"
        )
    model = _weights(path)
    model.tokenizer = _tokenizer(path)
    model.preparation = Preparation.from_folder(path, model.config.encoder.image_size)
    _decide_decoding(model)
    refill_positions(model)
    if adapter is None:
        return model.eval()
    return cast("TrOCRModel", _adapted(model, adapter).eval())


def with_adapter(model: TrOCRModel, adapter: Given) -> TrOCRModel:
    """The same model with this adapter, or None for no adapter.

    Args:
        model: Not modified; the result shares the memory of its weights.
        adapter: As in `load_trocr`.

    Raises:
        ValueError: The adapter does not exist or belongs to another model, or the model is not in
            float32.
    """
    shared = shared_copy(model)
    if adapter is not None:
        if model.dtype != torch.float32:  # the weights are no longer those of its digest
            raise ValueError(f"a TrOCR in {model.dtype} takes an adapter only when it is loaded")
        shared = _adapted(shared, adapter)
    return cast("TrOCRModel", shared.eval())


def _weights(path: Path) -> TrOCRModel:
    try:
        # float32: half precision is slow on most CPUs, and adapters know the weights by digest.
        with _silent():
            loaded = TrOCRModel.from_pretrained(
                path,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
    except Exception as error:  # transformers raises many exceptions for broken files
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise ValueError(f"{path}: no TrOCR that can be loaded ({reason}); {_REMEDY}") from error
    model, report = cast("tuple[TrOCRModel, dict]", loaded)
    # Published checkpoints lack the pooler, which nothing uses, and some have a table too many.
    if problem := misfits(report | {"unexpected_keys": ()}, lambda key: ".pooler." in key):
        raise ValueError(f"{path}: its weights do not fit its config.json ({problem}); {_REMEDY}")
    return model


@contextmanager
def _silent() -> Iterator[None]:
    """Keep transformers from reporting tensors that are missing: what matters is an error here."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _tokenizer(path: Path) -> PreTrainedTokenizerBase:
    # Without its file transformers makes a tokenizer with special tokens only.
    if not any((path / name).is_file() for name in _VOCABULARIES):
        raise ValueError(f"{path} has no tokenizer (one of {', '.join(_VOCABULARIES)}); {_REMEDY}")
    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise ValueError(f"{path}: its tokenizer cannot be loaded ({reason}); {_REMEDY}") from error


def _decide_decoding(model: TrOCRModel) -> None:
    """Complete the settings of decoding."""
    given, decoder, tokenizer = model.generation_config, model.config.decoder, model.tokenizer

    def known(name: str, *others: Any) -> int:
        values = [getattr(c, name, None) for c in (given, model.config, decoder)]
        found = [value for value in (*values, *others) if value is not None]
        if not found:
            raise ValueError(f"no {name} in config.json, generation_config.json or the tokenizer")
        return found[0]

    end = known("eos_token_id", tokenizer.eos_token_id)
    pad = known("pad_token_id", tokenizer.pad_token_id)
    start = known("decoder_start_token_id", tokenizer.bos_token_id)
    positions = decoder.max_position_embeddings
    longest = given.max_length or 0
    if given.max_new_tokens:
        longest = given.max_new_tokens + 1
    if longest <= _TRANSFORMERS_LIMIT:
        longest = LONGEST
    kept = {name: getattr(given, name, None) for name in (*_ALWAYS, *_BEAMS)}
    kept = {name: value for name, value in kept.items() if value is not None}
    model.usual_beams = given.num_beams or 1
    model.beam_options = {name: kept.pop(name) for name in _BEAMS if name in kept}
    model.generation_config = GenerationConfig(
        eos_token_id=end,
        pad_token_id=pad,
        decoder_start_token_id=start,
        max_length=min(longest, positions),
        **kept,
    )


def named_adapter(adapter: Given) -> Adapters | None:
    """What an adapter's name stands for; none ships for TrOCR.

    Raises:
        ValueError: There is no such adapter.
    """
    try:
        return one_adapter(adapter, "trocr")
    except ValueError as error:
        remedy = "for a TrOCR give a folder that `isotrope adapt --base` with that TrOCR wrote"
        raise ValueError(f"{error}; {remedy}") from error


def _adapted(model: nn.Module, adapter: Given) -> nn.Module:
    adapters = named_adapter(adapter)
    if adapters is None:
        return model
    if adapters.alone is not None:
        return load_adapter(model, adapters.alone)
    sum_adapters(model, adapters.terms)
    return model


def _kind(path: Path) -> str:
    """What a config.json says it is of."""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        names = config.get("architectures") or [config.get("model_type")]
        return f"of {names[0] or 'an unknown model'}"
    except (ValueError, AttributeError, IndexError, TypeError):
        return "broken"
