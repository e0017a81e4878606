"""Translate texts with a published model: MarianMT, NLLB, M2M100, or another of transformers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isotrope.ocr.engines.base import required
from isotrope.ocr.engines.torch_device import torch_device
from isotrope.ocr.processes import settle
from isotrope.ocr.translation.names import split_name

_REMEDY = "pip install 'isotrope[translate]'"

MOST_TOKENS = 256
"""Most tokens of a translation."""


class PretrainedTranslator:
    """A model for `AutoModelForSeq2SeqLM` that translates texts one by one.

    So a translation never depends on the other texts, not even in the last digit.

    Args:
        model: The model, in eval mode.
        tokenizer: Its tokenizer.
        target: The language to write, for a model of many languages: a token of the tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any, target: str | None = None) -> None:
        self.model, self.tokenizer = model, tokenizer
        self._first = None if target is None else tokenizer.convert_tokens_to_ids(target)
        if target is not None and self._first in (None, tokenizer.unk_token_id):
            raise ValueError(f"the tokenizer does not know the language {target!r}")

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | None = None) -> PretrainedTranslator:
        """Load a model from a folder.

        Args:
            name: The folder of a model with its tokenizer; for a model of many languages, with the
                two languages as its tokenizer names them: `fra_Latn-eng_Latn:FOLDER`.
            device: "cpu", "cuda", "mps", or "auto", the fastest that torch sees. None: the CPU.

        Raises:
            ValueError: There is no such model, language or device.
            ModuleNotFoundError: `isotrope[translate]` is not installed.
        """
        transformers = required("transformers", "translate", _REMEDY)
        required("torch", "translate", _REMEDY)
        source, target, folder = split_name(name)
        place = torch_device(device)
        languages = {} if source is None else {"src_lang": source}
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")
                model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **languages)
        except ModuleNotFoundError:
            raise
        except Exception as error:  # transformers raises many exceptions for broken files
            reason = f"{type(error).__name__}: {error}".split("\n")[0]
            raise ValueError(f"{folder}: no translator that can be loaded ({reason})") from error
        try:
            return cls(model.to(place), tokenizer, target)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}; name it as the tokenizer does") from error

    def __call__(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Translate texts: `(translation, confidence)` each.

        The confidence is the geometric mean of the probabilities of the tokens.
        """
        return [self._translate(text) for text in texts]

    def _translate(self, text: str) -> tuple[str, float]:
        import torch

        settle(torch)
        most = getattr(self.model.config, "max_position_embeddings", None) or 2 * MOST_TOKENS
        cut = {"truncation": True, "max_length": min(most, 2 * MOST_TOKENS)}
        given = self.tokenizer(text, return_tensors="pt", **cut).to(self.model.device)
        first = {} if self._first is None else {"forced_bos_token_id": self._first}
        with torch.inference_mode():
            found = self.model.generate(
                **given,
                **first,
                do_sample=False,
                max_new_tokens=min(MOST_TOKENS, most - 1),
                max_length=None,
                return_dict_in_generate=True,
                output_scores=True,
            )
            log_p = self.model.compute_transition_scores(
                found.sequences,
                found.scores,
                getattr(found, "beam_indices", None),
                normalize_logits=True,
            )[0]
        real = log_p[log_p.isfinite() & (log_p < 0)]
        confidence = float(real.mean().exp()) if len(real) else 1.0
        (written,) = self.tokenizer.batch_decode(found.sequences, skip_special_tokens=True)
        return written.strip(), confidence
