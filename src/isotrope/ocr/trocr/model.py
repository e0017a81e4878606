"""`TrOCRModel`: a published TrOCR, with what turns lines into pixels and tokens into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase, VisionEncoderDecoderModel

from isotrope.ocr.trocr.preparation import Preparation  # transformers reads annotations

LONGEST = 256
"""The most tokens of a line if the folder does not say; transformers itself stops after 20."""


class TrOCRModel(VisionEncoderDecoderModel):
    """A `VisionEncoderDecoderModel` as published by Li et al. 2021, with its encoder and tokenizer.

    https://arxiv.org/abs/2109.10282. `isotrope.ocr.trocr.loading.load_trocr` makes it.
    """

    if TYPE_CHECKING:  # transformers reads annotations at runtime
        config: Any
        generate: Any
        compute_transition_scores: Any

    adapted_as = "VisionEncoderDecoderModel"
    """The model that its adapters are made for."""

    tokenizer: PreTrainedTokenizerBase
    preparation: Preparation
    usual_beams: int = 1
    """The beam width that the folder asks for."""
    beam_options: Mapping[str, Any] = MappingProxyType({})
    """Its other settings of the beam search, by transformers' names."""

    @property
    def longest(self) -> int:
        """The most tokens of a line, with those of the start and the end."""
        return int(self.generation_config.max_length or LONGEST)

    @property
    def special(self) -> tuple[int, int, int]:
        """The tokens from which decoding starts, which fills up lines, and which ends them."""
        config = self.generation_config
        end = config.eos_token_id
        end = end[0] if isinstance(end, (list, tuple)) else end
        return int(config.decoder_start_token_id), int(config.pad_token_id), int(end)  # pyright: ignore[reportArgumentType] # the loader sets them

    def encoded(self, text: str) -> list[int]:
        """The tokens of a text, without any for the start and the end."""
        return self.tokenizer(text, add_special_tokens=False).input_ids

    def can_write(self, text: str) -> bool:
        """Whether the text has only known tokens, and not more than a line may have."""
        tokens, size = self.encoded(text), self.config.decoder.vocab_size
        unknown = self.tokenizer.unk_token_id
        sound = all(token != unknown and token < size for token in tokens)
        return sound and len(tokens) + 3 <= self.longest

    def pixels(self, lines: Sequence[np.ndarray]) -> Tensor:
        """What the encoder sees of upright lines `(H, W, 3)` in 8-bit RGB: `(B, 3, h, w)`."""
        squashed = np.stack([self.preparation.squashed(line) for line in lines])
        return self.values(torch.from_numpy(squashed))

    def values(self, squashed: Tensor) -> Tensor:
        """As `Preparation.values`, on the device and in the precision of the model."""
        return self.preparation.values(squashed.to(self.device)).to(self.dtype)

    @torch.no_grad()  # not inference_mode: BEiT keeps tensors that training uses too
    def read(self, pixels: Tensor, beams: int | None = None) -> tuple[list[str], list[float]]:
        """Read lines: their texts, and the geometric means of the probabilities of their tokens.

        Args:
            pixels: What `pixels` returns.
            beams: Beam width. None: `usual_beams`.
        """
        beams = beams or self.usual_beams
        written = self.generate(pixels, **self._search(beams))
        log_p = self.compute_transition_scores(
            written.sequences,
            written.scores,
            getattr(written, "beam_indices", None),
            normalize_logits=True,
        )
        tokens = written.sequences[:, -log_p.shape[1] :]
        real = (tokens != self.special[1]) & log_p.isfinite()
        mean = (log_p.where(real, 0.0).sum(1) / real.sum(1).clamp(min=1)).exp()
        texts = self.tokenizer.batch_decode(
            written.sequences, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return [text.strip() for text in texts], mean.tolist()

    @torch.no_grad()  # not inference_mode: BEiT keeps tensors that training uses too
    def writes_start(self, pixels: Tensor) -> bool:
        """Whether texts begin with the tokenizer's start token, by the model's own first tokens.

        Those of the published models do not; those of many that were trained further do.
        """
        begun = torch.full((len(pixels), 1), self.special[0], device=self.device)
        first = self(pixel_values=pixels, decoder_input_ids=begun).logits[:, 0].argmax(1)
        return bool((first == self.tokenizer.bos_token_id).float().mean() > 0.5)

    def _search(self, beams: int) -> dict[str, Any]:
        """Arguments of `generate`."""
        told: dict[str, Any] = {
            "num_beams": beams,
            "do_sample": False,
            "use_cache": True,  # published configs turn it off
            "return_dict_in_generate": True,
            "output_scores": True,
        }
        return told if beams == 1 else told | dict(self.beam_options)
