"""One decoding step of a TrOCR decoder, with cached keys and values.

Computes the same function as transformers' decoder in eval mode (the post-norm layers of [LoRA-GSA]
section 1) in a few calls per layer: on a CPU, a step through the whole library takes three times as
long as its arithmetic. Layers are called as modules, so adapters take effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import TrOCRForCausalLM

from isotrope.ocr.gsanet.decoding import Past

if TYPE_CHECKING:
    from transformers.models.trocr.modeling_trocr import TrOCRAttention, TrOCRDecoderLayer

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of one layer, each `(B, heads, T, d)`."""


def _layers(decoder: TrOCRForCausalLM) -> Iterable[TrOCRDecoderLayer]:
    return cast("Iterable[TrOCRDecoderLayer]", decoder.model.decoder.layers)


def _split(attention: TrOCRAttention, states: Tensor) -> Tensor:
    """`(B, T, heads * d)` -> `(B, heads, T, d)`."""
    return states.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)


def keys_values(attention: TrOCRAttention, states: Tensor) -> KeysValues:
    """Keys and values of the states `(B, T, C)` to attend to."""
    return (
        _split(attention, attention.k_proj(states)),
        _split(attention, attention.v_proj(states)),
    )


def cross_keys_values(decoder: TrOCRForCausalLM, tokens: Tensor) -> list[KeysValues]:
    """Keys and values of the encoder's tokens `(B, T, C)` for each layer, once per image."""
    return [keys_values(layer.encoder_attn, tokens) for layer in _layers(decoder)]


def attend(attention: TrOCRAttention, states: Tensor, to: KeysValues) -> tuple[Tensor, Tensor]:
    """Attend from states `(B, 1, C)`; return the output and the query `(B, heads, 1, d)`."""
    query = _split(attention, attention.q_proj(states))
    if torch.compiler.is_compiling():  # decomposed, the fused form scales all keys each step
        scores = (query * query.shape[-1] ** -0.5) @ to[0].transpose(-1, -2)
        out = scores.softmax(dim=-1) @ to[1]
    else:
        out = F.scaled_dot_product_attention(query, *to)
    return attention.out_proj(out.transpose(1, 2).flatten(2)), query


def attention_weights(query: Tensor, key: Tensor) -> Tensor:
    """Attention weights of queries `(B, heads, steps, d)`, averaged over heads: `(B, steps, T)`."""
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return scores.softmax(dim=-1).mean(dim=1)


def _beside(states: Tensor, cross: KeysValues) -> Tensor:
    """`(N, 1, C)` -> `(B, N / B, C)`: an image's texts share its keys without copies."""
    images = cross[0].shape[0]  # len would be a constant in an export
    return states if states.shape[0] == images else states.view(images, -1, states.shape[-1])


def step(
    decoder: TrOCRForCausalLM,
    token: Tensor,
    place: int,
    past: Past | None,
    cross: list[KeysValues],
) -> tuple[Tensor, Tensor, list[KeysValues]]:
    """Decode one token.

    Args:
        token: the last tokens `(N,)`; those of an image's texts are adjacent.
        place: the number of tokens before it.
        past: the last value returned by the previous step; `None` at first.
        cross: `cross_keys_values` of the encoder's tokens of `B` images.

    Returns:
        Logits `(N, vocabulary)` of the next token, the last layer's query of the encoder's tokens
        `(B, heads, N / B, d)`, and the keys and values of all tokens so far.
    """
    body = decoder.model.decoder
    token = token[:, None]
    position = body.embed_positions(token, past_key_values_length=place)
    states = body.embed_tokens(token) + position
    if body.layernorm_embedding is not None:
        states = body.layernorm_embedding(states)
    written, query = [], states  # no layers yet
    for index, layer in enumerate(_layers(decoder)):
        here = keys_values(layer.self_attn, states)
        if past is not None:
            (keys, values), (key, value) = past[index], here
            here = torch.cat((keys, key), dim=2), torch.cat((values, value), dim=2)
        written.append(here)
        states = layer.self_attn_layer_norm(states + attend(layer.self_attn, states, here)[0])
        seen, query = attend(layer.encoder_attn, _beside(states, cross[index]), cross[index])
        states = layer.encoder_attn_layer_norm(states + seen.view_as(states))
        hidden = layer.activation_fn(layer.fc1(states))
        states = layer.final_layer_norm(states + layer.fc2(hidden))
    return decoder.output_projection(states[:, 0]), query, written


def advanced(
    decoder: TrOCRForCausalLM,
    cross: list[KeysValues],
    token: Tensor,
    place: int,
    past: Past | None,
) -> tuple[Tensor, Tensor, list[KeysValues]]:
    """`step` in the form that `decoding.decode` takes, with the queries `(N, heads, d)`."""
    logits, query, written = step(decoder, token, place, past, cross)
    return logits.float().log_softmax(-1), query.transpose(1, 2).flatten(0, 1), written
