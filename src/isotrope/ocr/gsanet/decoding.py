"""From a decoder's probabilities to texts: greedily, or by beam search.

A greedy decoder that took one wrong turn writes on from there. Beam search follows several texts of
an image side by side, and another one, less likely up to there, may overtake it. Texts are compared
by `log p / length^POWER`, as a sum alone favours short ones. Where the columns of the images say
something too (`isotrope.ocr.gsanet.columns`), it is the joint `log p` that decides.
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
"""What a decoder keeps of the tokens so far, with a row for each text."""
Advance = Callable[[Tensor, int, Past | None], tuple[Tensor, Tensor, Past]]
"""`(token (N,), place, past)` -> log-probabilities `(N, vocabulary)` of the next token, what else
is to be kept of the step `(N, ...)`, and the past with this token; `past` is `None` at first."""


class Texts(NamedTuple):
    """The best text found of each image.

    `tokens` `(B, steps)`: each text up to its end, then padding. `log_p` `(B, steps)`: the
    decoder's log-probability of each of them, 0 for padding. `kept` `(B, ..., steps)`: what was to
    be kept of each step.
    """

    tokens: Tensor
    log_p: Tensor
    kept: Tensor


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

    def confidences(self, texts: Texts) -> Tensor:
        """`(B,)`: the geometric mean of the probabilities of each text's tokens and of its end."""
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
    """The best text found of each image; of the rows `N = images * beams` its own stand together.

    `columns`, of as many texts at their beginning, has a say too. The log-probabilities that are
    returned are the decoder's alone.

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
    return Texts(tokens, log_p, kept)


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
    best = last_p = torch.full((images,), -torch.inf, device=device)  # of what has ended
    done = best > 0  # none is
    row, length = first, torch.zeros_like(first)  # where it ended, after how many tokens
    past, steps = None, []
    for place in range(longest + 1):
        next_p, kept, past = advance(token, place, past)
        joint = columns.weigh(next_p) if columns else next_p
        total = score[..., None] + joint.unflatten(0, (images, beams))
        # An end counts where it is among the likeliest of all that may come next: any text may be
        # cut short, and no other is as short.
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
        # Also where others of the batch go on. A text that goes on is longer by its end at least.
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
    """The text of each image back from `row`, where it ended after `length` tokens.

    Each of `steps` has the token of every row, the row that this one came from, what was kept of
    those, and the token's log-probability. The tokens `(B, steps)` before `length` are the text's.
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
