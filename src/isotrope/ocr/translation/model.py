"""`Translator`: an encoder of pieces and a decoder of word pieces over them.

Each piece is a word, or a part of one, as up to eight feature vectors, one a character: the
recognizer's columns where it read that character. So a sentence of 40 characters is about ten
tokens, and it never has to be spelled out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import TrOCRConfig, TrOCRForCausalLM

from isotrope.ocr.gsanet.decoding import Alphabet, decode
from isotrope.ocr.gsanet.step import advanced, cross_keys_values
from isotrope.ocr.translation.config import TranslatorConfig
from isotrope.ocr.translation.pieces import SIZE
from isotrope.text.tokens import BOS, EOS, PAD


class Translator(nn.Module):
    """Maps the pieces of a line to a text in another language.

    Example:
        >>> model = Translator(TranslatorConfig(("<s>", "<pad>", "</s>", "▁a"), features=4))
        >>> model(torch.rand(2, 5, 8, 4), torch.ones(2, 5).bool(), torch.zeros(2, 3).long()).shape
        torch.Size([2, 3, 4])
    """

    def __init__(self, config: TranslatorConfig, dropout: float = 0.1) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.letter = nn.Linear(config.features, config.letter, bias=False)
        self.piece = nn.Linear(SIZE * config.letter, width)
        self.places = nn.Embedding(config.most_pieces, width)
        layer = nn.TransformerEncoderLayer(
            *(width, config.heads, config.hidden, dropout, functional.relu),
            **{"batch_first": True, "norm_first": True},
        )
        self.encoder = nn.TransformerEncoder(
            layer, config.encoder_layers, nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.decoder = TrOCRForCausalLM(
            TrOCRConfig(
                vocab_size=len(config.vocabulary),
                d_model=width,
                decoder_layers=config.decoder_layers,
                decoder_attention_heads=config.heads,
                decoder_ffn_dim=config.hidden,
                max_position_embeddings=config.most_tokens + 2,
                dropout=dropout,
                cross_attention_hidden_size=width,
                activation_function="relu",
                scale_embedding=False,
                bos_token_id=BOS,
                pad_token_id=PAD,
                eos_token_id=EOS,
                decoder_start_token_id=BOS,
                is_decoder=True,
                add_cross_attention=True,  # pyright: ignore[reportCallIssue] # one of **kwargs
            )
        )

    def forward(self, pieces: Tensor, present: Tensor, tokens: Tensor) -> Tensor:
        """Logits `(B, T, vocabulary)` of the token after each of `tokens` `(B, T)`.

        Args:
            pieces: `(B, P, SIZE, F)`, as `pieces.gathered` arranges them.
            present: `(B, P)`, false for padding.
            tokens: The translation, with its begin token.
        """
        states = self.encode(pieces, present)
        out = self.decoder(
            input_ids=tokens,
            encoder_hidden_states=states,
            encoder_attention_mask=present.long(),
            use_cache=False,
        )
        return out.logits

    def encode(self, pieces: Tensor, present: Tensor | None = None) -> Tensor:
        """Encode pieces `(B, P, SIZE, F)` as `(B, P, width)`."""
        letters = self.letter(pieces).flatten(2)  # (B, P, SIZE * letter)
        places = self.places(torch.arange(pieces.shape[1], device=pieces.device))
        absent = None if present is None else ~present
        return self.encoder(self.piece(letters) + places, src_key_padding_mask=absent)

    @torch.inference_mode()
    def translate(self, pieces: Tensor, beams: int = 1) -> list[str]:
        """Translate lines `(B, P, SIZE, F)` of the same number of pieces."""
        cross = cross_keys_values(self.decoder, self.encode(pieces))
        alphabet = Alphabet(BOS, EOS, PAD, self.config.most_tokens - 1)

        def advance(token, place, past):
            return advanced(self.decoder, cross, token, place, past)

        found = decode(advance, alphabet, len(pieces), beams, pieces.device)
        return [self.config.text(row) for row in found.tokens.tolist()]
