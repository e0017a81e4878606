"""Decode texts from a decoder's probabilities, greedily or by beam search.

A greedy decoder cannot recover from a wrong step. Beam search follows several texts per image, so
that one that was less likely at first can win. Texts are compared by `log p / length^POWER`,
because the sum alone favors short ones. If the columns of the images are scored as well
(`isotrope.ocr.gsanet.columns`), the joint `log p` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from isotrope.ocr.gsanet.columns import ColumnSearch

POWER = 0.5

Device = torch.device | str
Past = Sequence[tuple[Tensor, ...]]
"""The decoder's cache for the tokens so far, one row per text."""
Advance = Callable[[Tensor, int, Past | None], tuple[Tensor, Tensor, Past]]
"""`(token (N,), place, past)` -> log-probabilities `(N, vocabulary)` of the next token, any other
output of the step to keep `(N, ...)`, and the past including this token; `past` is `None` at
first."""


class Texts(NamedTuple):
    """The best text found for each image.

    `tokens` `(B, steps)`: each text up to its end, then padding. `log_p` `(B, steps)`: the
    decoder's log-probability of each of them, 0 for padding. `kept` `(B, ..., steps)`: the output
    kept from each step.
    """

    tokens: Tensor
    log_p: Tensor
    kept: Tensor


@dataclass(frozen=True)
class Alphabet:
    """The special tokens, and the maximum number of characters in a text."""

    start: int
    end: int
    pad: int
    longest: int

    def weights(self, tokens: Tensor) -> Tensor:
        """How much the attention at each token tells about where the text is.

        The last one, at the end of the text, has a tiny weight: it matters only if there is no
        other.
        """
        return torch.where(tokens == self.end, 1e-3, 1.0) * (tokens != self.pad)

    def confidences(self, texts: Texts) -> Tensor:
        """Geometric mean of the probabilities of each text's tokens and its end: `(B,)`."""
        count = (texts.tokens != self.pad).sum(dim=1).clamp(min=1)
        return (texts.log_p.sum(dim=1) / count).exp()


def decode(
    advance: Advance,
    alphabet: Alphabet,
    images: int,
    beams: int = 1,
    device: Device = "cpu",
    columns: ColumnSearch | None = None,
) -> Texts:
    """Find the best text for each image; its rows among the `N = images * beams` are adjacent.

    `columns`, for the same number of empty texts, adds its scores. The log-probabilities that are
    returned are the decoder's only.

    Raises:
        ValueError: There is less than one beam.
    """
    if beams < 1:
        raise ValueError(f"beams={beams} must be 1 or more; 1 is greedy, 4 finds likelier texts")
    if beams == 1:
        return _greedy(advance, alphabet, images, device, columns)
    return _beam_search(advance, alphabet, images, beams, device, columns)


def _greedy(
    advance: Advance,
    alphabet: Alphabet,
    images: int,
    device: Device,
    columns: ColumnSearch | None,
) -> Texts:
    token = torch.full((images,), alphabet.start, device=device)
    alive, past, steps = torch.ones_like(token, dtype=torch.bool), None, []
    rows = torch.arange(images, device=device)
    for place in range(alphabet.longest + 1):
        next_p, kept, past = advance(token, place, past)
        joint = columns.weigh(next_p) if columns else next_p
        token = joint.argmax(dim=-1)
        steps.append((token.where(alive, alphabet.pad), next_p[rows, token] * alive, kept))
        alive = alive & (token != alphabet.end)
        if not alive.any():
            break
        if columns:
            columns.follow(token, rows)
    tokens, log_p, kept = (torch.stack(column, dim=-1) for column in zip(*steps, strict=True))
    return Texts(tokens, log_p, kept)


def _beam_search(
    advance: Advance,
    alphabet: Alphabet,
    images: int,
    beams: int,
    device: Device,
    columns: ColumnSearch | None,
) -> Texts:
    """Search until no unfinished text can overtake the best finished one of its image."""
    end, longest = alphabet.end, alphabet.longest
    token = torch.full((images * beams,), alphabet.start, device=device)
    first = torch.arange(images, device=device) * beams  # row of each image's first text
    score = torch.full((images, beams), -torch.inf, device=device)
    score[:, 0] = 0.0  # all texts of an image are the same at first
    best = last_p = torch.full((images,), -torch.inf, device=device)  # of finished texts
    done = best > 0  # all False
    row, length = first, torch.zeros_like(first)  # where each text ended, and its length
    past, steps = None, []
    for place in range(longest + 1):
        next_p, kept, past = advance(token, place, past)
        joint = columns.weigh(next_p) if columns else next_p
        total = score[..., None] + joint.unflatten(0, (images, beams))
        # An end counts only if it is among the most likely next tokens: any text can be cut short,
        # and no competitor is as short.
        least = total.flatten(1).topk(beams).values[:, -1]
        ended, beam = total[..., end].max(dim=1)
        measure = (place + 1) ** POWER
        better = ((ended >= least) | (place == longest)) & (ended / measure > best) & ~done
        best = best.where(~better, ended / measure)
        last_p = last_p.where(~better, next_p[first + beam, end])
        row, length = torch.where(better, first + beam, row), torch.where(better, place, length)
        total[..., end] = -torch.inf
        score, choice = total.flatten(1).topk(beams)
        parent = (first[:, None] + choice // total.shape[-1]).flatten()
        token = (choice % total.shape[-1]).flatten()
        steps.append((token, parent, kept, next_p[parent, token]))
        # Even if others of the batch go on. An unfinished text grows at least by its end token.
        done |= best >= score[:, 0] / (place + 2) ** POWER
        if done.all():
            break
        past = [tuple(part[parent] for part in layer) for layer in past]
        if columns:
            columns.follow(token, parent)
    tokens, log_p, kept = _followed(steps, row, length)
    written = torch.arange(tokens.shape[1], device=device) < length[:, None]
    tokens = torch.where(written, tokens, alphabet.pad).scatter(1, length[:, None], end)
    log_p = torch.where(written, log_p, 0.0).scatter(1, length[:, None], last_p[:, None])
    return Texts(tokens, log_p, kept)


def _followed(
    steps: list[tuple[Tensor, Tensor, Tensor, Tensor]], row: Tensor, length: Tensor
) -> Texts:
    """Trace each image's text back from `row`, where it ended after `length` tokens.

    Each of `steps` has the token of every row, the row it came from, the output kept for that row,
    and the token's log-probability. The tokens `(B, steps)` before `length` are the text's.
    """
    tokens, log_p, kept = [], [], []
    for place in range(int(length.max()), -1, -1):
        token, parent, own, said = steps[place]
        tokens.append(token[row])
        log_p.append(said[row])
        row = torch.where(place < length, parent[row], row)
        kept.append(own[row])
    stacked = (torch.stack(column[::-1], dim=-1) for column in (tokens, log_p, kept))
    return Texts(*stacked)
