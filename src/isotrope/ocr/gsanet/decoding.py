"""From a decoder's probabilities to texts: greedily, or by beam search.

A greedy decoder that took one wrong turn writes on from there. Beam search follows several texts of
an image side by side, and another one, less likely up to there, may overtake it. Texts are compared
by `log p / length^POWER`, as a sum alone favours short ones. Where the columns of the images say
something too (`isotrope.ocr.gsanet.columns`), it is the joint `log p` that decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from isotrope.ocr.gsanet.columns import ColumnSearch

POWER = 0.75

Device = torch.device | str
Past = list[tuple[Tensor, ...]]
"""What a decoder keeps of the tokens so far, with a row for each text."""
Advance = Callable[[Tensor, int, Past | None], tuple[Tensor, Tensor, Past]]
"""`(token (N,), place, past)` -> log-probabilities `(N, vocabulary)` of the next token, what else
is to be kept of the step `(N, ...)`, and the past with this token; `past` is `None` at first."""
Texts = tuple[Tensor, Tensor, Tensor]
"""Tokens `(B, steps)`, each text up to its end and then padding; log-probabilities `(B,)`; and what
was to be kept of the steps `(B, ..., steps)`."""


@dataclass(frozen=True)
class Alphabet:
    """The tokens that are no characters, and how many characters a text has at most."""

    start: int
    end: int
    pad: int
    longest: int

    def weights(self, tokens: Tensor) -> Tensor:
        """How much the look at each token says of where the text is.

        The last one, at the end of the text, counts little: only where there is no other.
        """
        return torch.where(tokens == self.end, 1e-3, 1.0) * (tokens != self.pad)


def decode(
    advance: Advance,
    alphabet: Alphabet,
    images: int,
    beams: int = 1,
    device: Device = "cpu",
    columns: ColumnSearch | None = None,
) -> Texts:
    """The best text found of each image; of the rows `N = images * beams` its own stand together.

    `columns`, of as many texts at their beginning, has a say too. The log-probability that is
    returned is the decoder's alone.

    Raises:
        ValueError: fewer than one beam.
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
    return tokens, log_p.sum(dim=1), kept


def _beam_search(
    advance: Advance,
    alphabet: Alphabet,
    images: int,
    beams: int,
    device: Device,
    columns: ColumnSearch | None,
) -> Texts:
    """An image is done when no text that goes on can still overtake its best one that has ended."""
    end, longest = alphabet.end, alphabet.longest
    token = torch.full((images * beams,), alphabet.start, device=device)
    first = torch.arange(images, device=device) * beams  # the row of each image's first text
    score = torch.full((images, beams), -torch.inf, device=device)
    score[:, 0] = 0.0  # all texts of an image are one at first
    own = torch.zeros_like(score)  # the decoder's part of it
    best = log_p = torch.full((images,), -torch.inf, device=device)  # of what has ended
    done = best > 0  # none is
    row, length = first, torch.zeros_like(first)  # where it ended, after how many tokens
    past, steps = None, []
    for place in range(longest + 1):
        next_p, kept, past = advance(token, place, past)
        joint = columns.weigh(next_p) if columns else next_p
        total = score[..., None] + joint.unflatten(0, (images, beams))
        own = own[..., None] + next_p.unflatten(0, (images, beams))
        # An end counts where it is among the likeliest of all that may come next: any text may be
        # cut short, and no other is as short.
        least = total.flatten(1).topk(beams).values[:, -1]
        ended, beam = total[..., end].max(dim=1)
        measure = (place + 1) ** POWER
        better = ((ended >= least) | (place == longest)) & (ended / measure > best) & ~done
        best = best.where(~better, ended / measure)
        log_p = log_p.where(~better, own[..., end].gather(1, beam[:, None])[:, 0])
        row, length = torch.where(better, first + beam, row), torch.where(better, place, length)
        total[..., end] = -torch.inf
        score, choice = total.flatten(1).topk(beams)
        own = own.flatten(1).gather(1, choice)
        parent = (first[:, None] + choice // total.shape[-1]).flatten()
        token = (choice % total.shape[-1]).flatten()
        steps.append((token, parent, kept))
        # Also where others of the batch go on. A text that goes on is longer by its end at least.
        done |= best >= score[:, 0] / (place + 2) ** POWER
        if done.all():
            break
        past = [tuple(part[parent] for part in layer) for layer in past]
        if columns:
            columns.follow(token, parent)
    tokens, kept = _followed(steps, row, length)
    places = torch.arange(tokens.shape[1], device=device)
    tokens = torch.where(places < length[:, None], tokens, alphabet.pad)
    return tokens.scatter(1, length[:, None], end), log_p, kept


def _followed(
    steps: list[tuple[Tensor, Tensor, Tensor]], row: Tensor, length: Tensor
) -> tuple[Tensor, Tensor]:
    """The text of each image back from `row`, where it ended after `length` tokens.

    Each of `steps` has the token of every row, the row that this one came from, and what was kept
    of those. Of the tokens `(B, steps)` that are returned those before `length` are the text's.
    """
    tokens, kept = [], []
    for place in range(int(length.max()), -1, -1):
        token, parent, own = steps[place]
        tokens.append(token[row])
        row = torch.where(place < length, parent[row], row)
        kept.append(own[row])
    return torch.stack(tokens[::-1], dim=1), torch.stack(kept[::-1], dim=-1)
