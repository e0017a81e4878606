"""Run a translator's weights with numpy: the same function as `model.Translator`. No torch.

It has 5 million parameters and a line has about ten tokens, so a graph of its own would gain
nothing over a few matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from isotrope.ocr.translation.config import TranslatorConfig
from isotrope.text.tokens import BOS, EOS, PAD

POWER = 0.5
"""Texts are compared by `log p / length^POWER`, because the sum alone favors short ones."""

_BODY = "decoder.model.decoder"
_OFFSET = 2
"""The first position of a token, as in all models derived from BART."""

KeysValues = tuple[np.ndarray, np.ndarray]
"""Keys and values `(N, heads, T, d)`."""


@dataclass(frozen=True)
class Written:
    """A translation: its tokens, without begin and end, and the mean probability of a token."""

    tokens: list[int]
    confidence: float


class Network:
    """A translator.

    Args:
        config: Its configuration.
        arrays: Its float32 weights by name.
    """

    def __init__(self, config: TranslatorConfig, arrays: Mapping[str, np.ndarray]) -> None:
        self.config, self.arrays = config, arrays
        self._embeddings = arrays[f"{_BODY}.embed_tokens.weight"]

    def encode(self, pieces: np.ndarray) -> np.ndarray:
        """Encode the pieces of a line, `(P, SIZE, F)`, as `(P, width)`."""
        letters = pieces @ self.arrays["letter.weight"].T
        x = self._linear("piece", letters.reshape(len(pieces), -1))
        x = x + self.arrays["places.weight"][: len(pieces)]
        for number in range(self.config.encoder_layers):
            name = f"encoder.layers.{number}"
            inner = self._norm(f"{name}.norm1", x)
            weight = self.arrays[f"{name}.self_attn.in_proj_weight"]
            both = inner @ weight.T + self.arrays[f"{name}.self_attn.in_proj_bias"]
            q, k, v = (self._split(part[None]) for part in np.split(both, 3, axis=1))
            x = x + self._linear(f"{name}.self_attn.out_proj", _attended(q, k, v)[0])
            inner = self._norm(f"{name}.norm2", x)
            hidden = np.maximum(self._linear(f"{name}.linear1", inner), 0)
            x = x + self._linear(f"{name}.linear2", hidden)
        return self._norm("encoder.norm", x)

    def step(
        self,
        token: np.ndarray,
        place: int,
        past: list[KeysValues] | None,
        cross: list[KeysValues],
    ) -> tuple[np.ndarray, list[KeysValues]]:
        """Decode one token of N texts.

        Args:
            token: The last token of each `(N,)`.
            place: The number of tokens before it.
            past: What the previous step returned; None at first.
            cross: `cross_keys_values` of the line.

        Returns:
            Log-probabilities `(N, vocabulary)` of the next token, and the keys and values so far.
        """
        position = self.arrays[f"{_BODY}.embed_positions.weight"][place + _OFFSET]
        x = self._norm(f"{_BODY}.layernorm_embedding", self._embeddings[token] + position)
        written = []
        for number, seen in enumerate(cross):
            name = f"{_BODY}.layers.{number}"
            here = self._keys_values(f"{name}.self_attn", x[:, None])
            if past is not None:
                (keys, values), (key, value) = past[number], here
                here = np.concatenate((keys, key), axis=2), np.concatenate((values, value), axis=2)
            written.append(here)
            x = self._norm(
                f"{name}.self_attn_layer_norm", x + self._attend(f"{name}.self_attn", x, here)
            )
            x = self._norm(
                f"{name}.encoder_attn_layer_norm",
                x + self._attend(f"{name}.encoder_attn", x, seen),
            )
            hidden = np.maximum(self._linear(f"{name}.fc1", x), 0)
            x = self._norm(f"{name}.final_layer_norm", x + self._linear(f"{name}.fc2", hidden))
        logits = x @ self._embeddings.T
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), written

    def cross_keys_values(self, states: np.ndarray) -> list[KeysValues]:
        """Keys and values of an encoded line `(P, width)` for each layer of the decoder."""
        names = (f"{_BODY}.layers.{n}.encoder_attn" for n in range(self.config.decoder_layers))
        return [self._keys_values(name, states[None]) for name in names]

    def translate(self, pieces: np.ndarray, beams: int = 4) -> Written:
        """Translate a line by beam search, until no unfinished text can overtake the best one."""
        cross = self.cross_keys_values(self.encode(pieces))
        texts: list[list[int]] = [[]]
        scores, token, past = np.zeros(1), np.array([BOS]), None
        best, best_score, total = [], -np.inf, 0.0
        for place in range(self.config.most_tokens):
            next_p, past = self.step(token, place, past, cross)
            next_p[:, [BOS, PAD]] = -np.inf
            sums = scores[:, None] + next_p
            least = np.sort(sums, axis=None)[-beams:].min()
            ended = int(sums[:, EOS].argmax())
            score = sums[ended, EOS] / (place + 1) ** POWER
            last = place == self.config.most_tokens - 1
            if (sums[ended, EOS] >= least or last) and score > best_score:
                best, best_score, total = texts[ended], score, sums[ended, EOS]
            sums[:, EOS] = -np.inf
            chosen = np.argsort(-sums, axis=None, kind="stable")[:beams]
            parent, token = np.unravel_index(chosen, sums.shape)
            scores = sums[parent, token]
            if best_score >= scores[0] / (place + 2) ** POWER:
                break
            texts = [[*texts[p], int(t)] for p, t in zip(parent, token, strict=True)]
            past = [(k[parent], v[parent]) for k, v in past]
        return Written(best, float(np.exp(total / (len(best) + 1))))

    def _keys_values(self, name: str, states: np.ndarray) -> KeysValues:
        key, value = (self._linear(f"{name}.{part}_proj", states) for part in "kv")
        return self._split(key), self._split(value)

    def _attend(self, name: str, x: np.ndarray, to: KeysValues) -> np.ndarray:
        query = self._split(self._linear(f"{name}.q_proj", x[:, None]))
        return self._linear(f"{name}.out_proj", _attended(query, *to)[:, 0])

    def _split(self, states: np.ndarray) -> np.ndarray:
        """`(N, T, width)` -> `(N, heads, T, d)`."""
        count, length, _ = states.shape
        return states.reshape(count, length, self.config.heads, -1).transpose(0, 2, 1, 3)

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self.arrays[f"{name}.weight"].T + self.arrays[f"{name}.bias"]

    def _norm(self, name: str, x: np.ndarray) -> np.ndarray:
        centered = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + 1e-5)
        return centered / spread * self.arrays[f"{name}.weight"] + self.arrays[f"{name}.bias"]


def _attended(query: np.ndarray, key: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Attend from `(N, heads, S, d)` to T keys and values: `(N, S, heads * d)`."""
    scores = query @ key.transpose(0, 1, 3, 2) * query.shape[-1] ** -0.5
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ value
    return mixed.transpose(0, 2, 1, 3).reshape(mixed.shape[0], mixed.shape[2], -1)
