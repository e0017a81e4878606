"""Joint CTC and attention decoding: the image's columns score the decoder's texts.

A decoder may lose its place in a line and then repeat or omit a syllable. Columns are ordered: a
linear head that classifies the character in each column keeps its place, but knows nothing of
language or spaces. Together they score a text `c` in an image `x` by (Watanabe et al. 2017)

    (1 - SHARE) log p_decoder(c | x) + SHARE log p_columns(c | x)

where `p_columns` sums over all ways to place the characters in columns (CTC, Graves et al. 2006).
The upright orientation need not be known: `p_columns = 1/|G| sum_g p_g`, where `p_g` is computed
from the columns of the tokens at `(., g)`, turned back by `g^-1`. A turn of the image permutes the
terms of the sum.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.groups import Group

SHARE = 0.2

BLANK = 0
"""Class of a column or token without a character; no character has this number."""

NEVER = -1e9
"""Log-probability of the impossible; finite, because differences of infinities are NaN."""

LEAST = -8.0
"""Lower bound per character, for texts longer than the number of columns."""


def log_columns(logits: Tensor) -> Tensor:
    """Log-probabilities `(..., w, V)` of upright columns, from token logits `(..., h, w, V)`."""
    # Relative to blank; else the rows above and below a character would outvote its own.
    odds = logits - logits[..., BLANK : BLANK + 1]
    return odds.logsumexp(-3).log_softmax(-1)


def all_columns(logits: Tensor, group: Group, size: tuple[int, int]) -> Tensor:
    """`log_columns` in each orientation: `(B, |G|, T, V)` from logits `(B, |G| * h * w, V)`.

    `T` is the larger of h and w; missing columns are blank.
    """
    lifted = logits.unflatten(1, (group.order, *size))
    parts = []
    for g in group.elements:
        upright = group.act_image(group.inverse(g), lifted[:, g], dims=(1, 2))
        part = log_columns(upright)
        rest = functional.pad(part, (0, 0, 0, max(size) - part.shape[1]), value=NEVER)
        rest[:, part.shape[1] :, BLANK] = 0.0
        parts.append(rest)
    return torch.stack(parts, dim=1)


class ColumnSearch:
    """Score texts by the columns as they grow, one token at a time.

    For each text and orientation it keeps the forward variables of CTC, `(B, |G|, beams, T)`: the
    log-probability that the columns up to each one spell the text, with the last column holding the
    last character (`inked`) or none (`blank`).

    Args:
        log_p: `all_columns` of `B` images, `(B, |G|, T, V)`.
        beams: texts per image, in adjacent rows, numbered as in `decoding.decode`.
        end: the token that ends a text.
        silent: the space, which leaves no ink and so is not scored by columns.
    """

    longer: Tensor
    """The last result of `weigh`, for `follow`."""

    def __init__(self, log_p: Tensor, beams: int, end: int, silent: int) -> None:
        self.end, self.silent, self.beams = end, silent, beams
        self.log_p = log_p.double()
        self.p = self.log_p.exp()
        # The empty text: all columns are blank.
        self.blank = self.log_p[..., BLANK].cumsum(-1)[:, :, None].repeat(1, 1, beams, 1)
        self.inked = torch.full_like(self.blank, NEVER)
        self.start = torch.zeros_like(self.blank[:, :1, :, :1])
        self.last = torch.zeros(len(log_p), beams, dtype=torch.long, device=log_p.device)
        self.score = self.start[:, 0, :, 0]

    def weigh(self, next_p: Tensor) -> Tensor:
        """Joint log-probabilities of the next token, from the decoder's `(B * beams, V)`."""
        self.longer = self._longer()
        said = (self.longer - self.score[..., None]).clamp(min=LEAST)
        return (1 - SHARE) * next_p + SHARE * said.flatten(0, 1).to(next_p)

    def _longer(self) -> Tensor:
        """Log-probability that columns spell each text with one more token: `(B, beams, V)`."""
        either = torch.logaddexp(self.inked, self.blank)
        most, weight = _scaled(self._before(either))
        longer = most + (weight @ self.p).log()
        # A repeated character counts as a new one only after a blank.
        most, weight = _scaled(self._before(self.blank))
        again = most + (weight * self._of(self.p, self.last)).sum(-1, keepdim=True).log()
        longer.scatter_(-1, self.last[:, None, :, None].expand_as(again), again)
        longer[..., self.end] = either[..., -1]
        longer = longer.clamp(min=NEVER).logsumexp(1) - math.log(longer.shape[1])
        longer[..., self.silent] = self.score
        return longer

    def follow(self, token: Tensor, parent: Tensor) -> None:
        """Replace each row's text by that of row `parent` plus one token `(B * beams,)`."""
        token, beam = token.view_as(self.last), parent.view_as(self.last) % self.beams
        self.score = self.longer.flatten(1).gather(1, beam * self.longer.shape[-1] + token)
        last, states = self.last.gather(1, beam), (self.inked, self.blank, self.start)
        inked, blank, self.start = (
            s.gather(2, beam[:, None, :, None].expand_as(s)) for s in states
        )
        new = (token != last)[:, None, :, None]
        before = self._before(torch.where(new, torch.logaddexp(inked, blank), blank))
        grown = _recurrence(before, self._of(self.log_p, token))
        shifted = functional.pad(grown[..., :-1], (1, 0), value=NEVER)
        inks = (token != self.silent)[:, None, :, None]
        self.inked = grown.where(inks, inked)
        self.blank = _recurrence(shifted, self.log_p[:, :, None, :, BLANK]).where(inks, blank)
        self.start = self.start.masked_fill(inks, NEVER)
        self.last = token.where(token != self.silent, last)

    def _before(self, states: Tensor) -> Tensor:
        """Shift to the preceding column."""
        first = self.start.expand(-1, states.shape[1], -1, -1)
        return torch.cat([first, states[..., :-1]], dim=-1)

    @staticmethod
    def _of(columns: Tensor, token: Tensor) -> Tensor:
        """Select the token of each text from columns `(B, |G|, T, V)`: `(B, |G|, beams, T)`."""
        rows = columns.transpose(2, 3)
        index = token[:, None, :, None].expand(-1, rows.shape[1], -1, rows.shape[3])
        return rows.gather(2, index)


def _scaled(log_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum along the last axis, and the weights relative to it."""
    most = log_weight.amax(-1, keepdim=True)
    return most, (log_weight - most).exp()


def _recurrence(before: Tensor, log_p: Tensor) -> Tensor:
    """Solve `r_t = p_t (r_(t-1) + before_t)`, all as logarithms, along the last axis."""
    along = log_p.cumsum(-1)
    return (along + torch.logcumsumexp(before + log_p - along, -1)).clamp(min=NEVER)
