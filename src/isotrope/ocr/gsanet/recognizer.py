"""`Recognizer`: TrOCR with an equivariant encoder, [LoRA-GSA] section 1.

The decoder attends to the set of encoder tokens at all `(x, g)`. A turn of the image only permutes
that set, and the decoder's cross-attention has no encoder positions, so it cannot see the
permutation: `p(text | turned image) = p(text | image)`.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import cache, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    TrOCRConfig,
    TrOCRForCausalLM,
    VisionEncoderDecoderModel,
)

from isotrope.groups import group_from_name
from isotrope.models.config import EquivariantViTConfig
from isotrope.nn.conv import check_stride
from isotrope.ocr.gsanet.checkpoint import hub_options, published, refuse_another_model
from isotrope.ocr.gsanet.columns import ColumnSearch, all_columns
from isotrope.ocr.gsanet.config import RecognizerConfig
from isotrope.ocr.gsanet.decoding import Alphabet, decode
from isotrope.ocr.gsanet.encoder import LiftedEncoder, LiftedEncoderConfig
from isotrope.ocr.gsanet.step import advanced, attention_weights, cross_keys_values
from isotrope.ocr.gsanet.written import Written, character_confidences
from isotrope.ocr.trocr.positions import refill_positions
from isotrope.text.charset import CHARSET
from isotrope.text.tokens import BOS, EOS, PAD, SPECIAL


@cache
def _index(charset: str) -> dict[str, int]:
    """Map each character to its token."""
    return {c: token for token, c in enumerate(charset, SPECIAL)}


class Recognizer(VisionEncoderDecoderModel):
    """Reads word and line images: equivariant encoder, TrOCR decoder, characters as tokens.

    Its config has `charset` (`None` for a tokenizer's word pieces), `image_height` (short side,
    px), `image_stride` (the long side is a multiple of it), `max_ratio` (long over short side),
    `max_characters`, and `columns`: whether there is a second, linear head of that name, which
    classifies the character at each encoder token (`isotrope.ocr.gsanet.columns`).
    """

    if TYPE_CHECKING:  # transformers reads annotations at runtime
        config: RecognizerConfig
        encoder: LiftedEncoder
        decoder: TrOCRForCausalLM

    config_class = RecognizerConfig
    tokenizer: PreTrainedTokenizerBase | None = None
    """The tokenizer from `from_trocr`; without one, tokens are characters."""

    def __init__(self, config=None, encoder=None, decoder=None) -> None:
        super().__init__(config, encoder, decoder)
        self.columns = None
        if getattr(self.config, "columns", False):
            sizes = self.config.encoder.hidden_size, self.config.decoder.vocab_size
            self.columns = torch.nn.Linear(*sizes)

    @classmethod
    def from_config(
        cls,
        vit: EquivariantViTConfig,
        *,
        dim: int = 192,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        columns: bool = True,
        charset: str = CHARSET,
        image_height: int = 32,
        max_ratio: float = 32.0,
        max_characters: int = 126,
    ) -> Recognizer:
        """Make a recognizer with random weights.

        Args:
            dim, layers, heads, dropout: Sizes and dropout of the decoder.
            columns: whether to add that head. `isotrope train recognizer` trains it; the loss of
                `forward` does not. Untrained, it would mislead the decoder.
            charset: each character once; the space is the only one without ink.
        """
        if twice := sorted({c for c in charset if charset.count(c) > 1}):
            raise ValueError(f"charset has {', '.join(map(repr, twice))} twice; give each once")
        decoder = TrOCRForCausalLM(
            TrOCRConfig(
                vocab_size=SPECIAL + len(charset),
                d_model=dim,
                decoder_layers=layers,
                decoder_attention_heads=heads,
                decoder_ffn_dim=4 * dim,
                max_position_embeddings=max_characters + 2,
                dropout=dropout,
                cross_attention_hidden_size=vit.stages[-1].dim,
                bos_token_id=BOS,
                pad_token_id=PAD,
                eos_token_id=EOS,
                decoder_start_token_id=BOS,
                is_decoder=True,
                add_cross_attention=True,  # pyright: ignore[reportCallIssue] # one of **kwargs
            )
        )
        settings = {"charset": charset, "columns": columns, "image_height": image_height}
        return cls._assembled(vit, decoder, max_characters, max_ratio=max_ratio, **settings)

    @classmethod
    def from_trocr(
        cls,
        path: str | os.PathLike,
        encoder: EquivariantViTConfig,
        *,
        image_height: int = 32,
        max_ratio: float = 32.0,
    ) -> Recognizer:
        """Combine a TrOCR checkpoint's decoder and tokenizer with a random equivariant encoder.

        Its tokens are word pieces, which `max_characters` counts. If the encoder's width differs
        from the checkpoint's, the key and value projections of the decoder's cross-attention are
        random too.

        Args:
            path: a folder with a `VisionEncoderDecoderModel` and its tokenizer.

        Raises:
            ValueError: There is no checkpoint, or its decoder is not a TrOCR.
        """
        decoder, tokenizer = published(path, encoder.stages[-1].dim)
        longest = decoder.config.max_position_embeddings - 2
        sizes = {"image_height": image_height, "max_ratio": max_ratio}
        model = cls._assembled(encoder, decoder, longest, charset=None, **sizes)
        model.tokenizer = tokenizer
        return model

    @classmethod
    def _assembled(
        cls, vit: EquivariantViTConfig, decoder: TrOCRForCausalLM, max_characters: int, **settings
    ) -> Recognizer:
        height = settings["image_height"]
        if height % vit.unit:
            near = vit.unit * max(1, round(height / vit.unit))
            raise ValueError(
                f"image_height={height} is not a multiple of {vit.unit}, which the encoder's "
                f"strides, windows and kv_pool need; try {near}"
            )
        check_stride((height, height), *vit.patch)
        encoder = LiftedEncoder(LiftedEncoderConfig(vit=asdict(vit)))
        config = RecognizerConfig.from_encoder_decoder_configs(
            encoder.config,
            decoder.config,
            pad_token_id=PAD,
            eos_token_id=EOS,
            decoder_start_token_id=decoder.config.decoder_start_token_id,
            image_stride=vit.unit,
            max_characters=max_characters,
            **settings,
        )
        return cls(config=config, encoder=encoder, decoder=decoder)

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs) -> None:
        """Save as transformers does, with `preprocessor_config.json` and the tokenizer, if any."""
        from isotrope.ocr.gsanet.processor import RecognizerImageProcessor

        super().save_pretrained(save_directory, **kwargs)
        names = ("image_height", "image_stride", "max_ratio")
        sizes = {name: getattr(self.config, name) for name in names}
        RecognizerImageProcessor(**sizes).save_pretrained(save_directory)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(save_directory)

    @classmethod
    def from_pretrained(cls, path: str | os.PathLike, *args, **kwargs):
        """Load as transformers does, with the tokenizer, if any.

        Raises:
            ValueError: `path` contains another model.
        """
        hub = hub_options(kwargs)
        refuse_another_model(path, hub)
        loaded = super().from_pretrained(path, *args, **kwargs)
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        refill_positions(model)
        if model.config.charset is None:
            model.tokenizer = AutoTokenizer.from_pretrained(path, **hub)
        return loaded

    @property
    def group(self):
        """The encoder's group."""
        return group_from_name(self.config.encoder.vit["group"])

    def grid(self, pixels: Tensor) -> tuple[int, int]:
        """Grid `(h, w)` of the encoder's tokens in each orientation, for pixels `(B, 3, H, W)`."""
        rows, columns = pixels.shape[2:]
        stride = self.encoder.vit.config.stride
        return rows // stride, columns // stride

    @property
    def space(self) -> int:
        """The token of the space; without one in the charset, a token that is never written."""
        return _index(self.config.charset or "").get(" ", PAD)

    def encode_text(self, texts: list[str]) -> Tensor:
        """Encode labels `(B, T)`: the tokens, then EOS, then -100, which the loss ignores.

        Raises:
            ValueError: A character is outside the charset, or a text is longer than
                `max_characters`.
        """
        rows = [self._tokens(text) for text in texts]
        labels = torch.full((len(texts), max(map(len, rows), default=0) + 1), -100)
        for label, row in zip(labels, rows, strict=True):
            label[: len(row) + 1] = torch.tensor([*row, EOS])
        return labels

    def _tokens(self, text: str) -> list[int]:
        charset, longest = self.config.charset or "", self.config.max_characters
        if self.tokenizer is not None:
            tokens = self.tokenizer(text, add_special_tokens=False).input_ids
        elif unknown := sorted(set(text) - _index(charset).keys()):
            raise ValueError(
                f"{text!r} has {unknown}, which are not in the charset of this model; "
                "leave them out or replace them"
            )
        else:
            tokens = [_index(charset)[c] for c in text]
        if len(tokens) > longest:
            units = "characters" if charset else "tokens"
            raise ValueError(
                f"{text[:20]!r}... has {len(tokens)} {units}; this model writes up to {longest}: "
                "cut the line"
            )
        return tokens

    def can_write(self, text: str) -> bool:
        """Whether `encode_text` accepts the text."""
        try:
            return bool(self._tokens(text))
        except ValueError:
            return False

    def decode_text(self, tokens: Tensor) -> list[str]:
        """Decode token rows `(B, T)`, each up to its first EOS."""
        charset, texts = self.config.charset or "", []
        for row in tokens.tolist():
            written = row[: row.index(EOS)] if EOS in row else row
            if self.tokenizer is not None:
                texts.append(self.tokenizer.decode(written, skip_special_tokens=True))
            else:
                texts.append("".join(charset[t - SPECIAL] for t in written if t >= SPECIAL))
        return texts

    @torch.inference_mode()
    def read(self, pixels: Tensor, beams: int = 1) -> Written:
        """Read a batch of images of the same size in one encoder pass.

        Args:
            pixels: `(B, 3, H, W)` in [0, 1], at any of the group's orientations.
            beams: beam width; 1 is greedy decoding.

        Returns:
            The texts, their confidences and their orientations, which are those that the last
            layer's cross-attention focused on while the characters were written.
        """
        tokens = self.encoder(pixel_values=pixels).last_hidden_state
        cross = cross_keys_values(self.decoder, tokens)
        start, longest = self.config.decoder_start_token_id, self.config.max_characters
        alphabet = Alphabet(start, EOS, PAD, longest)
        advance = partial(advanced, self.decoder, cross)
        columns = self._search(tokens, pixels, beams)
        found = decode(advance, alphabet, len(pixels), beams, pixels.device, columns)
        looked = attention_weights(found.kept.transpose(-1, -2), cross[-1][0]).float()
        looked = looked.unflatten(2, (self.group.order, -1)).sum(dim=3)  # (B, steps, G)
        mass = (looked * alphabet.weights(found.tokens)[:, :, None]).sum(dim=1)
        degrees = torch.tensor([self.group.angle(g) for g in self.group.elements])
        orientation = degrees.to(pixels.device)[mass.argmax(dim=1)].round().int()
        characters = [()] * len(pixels)
        if self.config.charset is not None:
            characters = character_confidences(found)
        texts, confidences = self.decode_text(found.tokens), alphabet.confidences(found)
        return Written(texts, confidences, orientation, characters)

    def _search(self, tokens: Tensor, pixels: Tensor, beams: int) -> ColumnSearch | None:
        if self.columns is None:
            return None
        log_p = all_columns(self.columns(tokens).float(), self.group, self.grid(pixels))
        return ColumnSearch(log_p, beams, EOS, self.space)
