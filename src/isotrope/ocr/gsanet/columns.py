"""The text as the columns of an image tell it, beside a decoder's: joint CTC and attention.

A decoder may lose its place in a line, and writes a syllable twice or leaves one out. Columns come
in order: a linear head that says which character stands in each keeps its place, but knows no
language and no spaces. Of a text `c` in an image `x` both together say, Watanabe et al. 2017,

    (1 - SHARE) log p_decoder(c | x) + SHARE log p_columns(c | x)

where `p_columns` sums over all ways to place the characters in columns (CTC, Graves et al. 2006).
Which orientation is upright need not be known: with `p_g` of the columns of the tokens at `(., g)`,
turned back by `g^-1`, it is `p_columns = 1/|G| sum_g p_g`. A turn of the image permutes the sum.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from isotrope.groups import Group

SHARE = 0.2

BLANK = 0
"""Class of a column, and of a token, that holds no character; no character has this number."""

NEVER = -1e9
"""A log-probability: finite, or differences of two would be NaN."""

LEAST = -8.0
"""Of a character at the least: more of them than columns can be placed in no way."""


def log_columns(logits: Tensor) -> Tensor:
    """Log-probabilities `(..., w, V)` of upright columns, of logits `(..., h, w, V)` at tokens."""
    # Against blank, or the rows above and below a character would outvote its own.
    odds = logits - logits[..., BLANK : BLANK + 1]
    return odds.logsumexp(-3).log_softmax(-1)


def all_columns(logits: Tensor, group: Group, size: tuple[int, int]) -> Tensor:
    """`(B, |G|, T, V)`: `log_columns` in each orientation, of logits `(B, |G| * h * w, V)`.

    `T` is the larger of h and w; what is missing there is blank.
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
    """What the columns say of texts as they grow, a token at a time.

    Of each text and orientation it keeps the forward variables of CTC, `(B, |G|, beams, T)`: the
    log-probability that the columns up to each one spell the text, `inked` where the last of these
    holds its last character, `blank` where it holds none.

    Args:
        log_p: `all_columns` of `B` images, `(B, |G|, T, V)`.
        beams: texts of each image, which stand together, as `decoding.decode` numbers them.
        end: the token that ends a text.
        silent: the token that leaves no ink, the space: columns say nothing of it.
    """

    longer: Tensor
    """What `weigh` found last, which `follow` goes by."""

    def __init__(self, log_p: Tensor, beams: int, end: int, silent: int) -> None:
        self.end, self.silent, self.beams = end, silent, beams
        self.log_p = log_p.double()
        self.p = self.log_p.exp()
        # Of no characters: nothing stands before the first column, and all are blank.
        self.blank = self.log_p[..., BLANK].cumsum(-1)[:, :, None].repeat(1, 1, beams, 1)
        self.inked = torch.full_like(self.blank, NEVER)
        self.start = torch.zeros_like(self.blank[:, :1, :, :1])
        self.last = torch.zeros(len(log_p), beams, dtype=torch.long, device=log_p.device)
        self.score = self.start[:, 0, :, 0]

    def weigh(self, next_p: Tensor) -> Tensor:
        """Joint log-probabilities of the next token, of a decoder's `(B * beams, V)`."""
        self.longer = self._longer()
        said = (self.longer - self.score[..., None]).clamp(min=LEAST)
        return (1 - SHARE) * next_p + SHARE * said.flatten(0, 1).to(next_p)

    def _longer(self) -> Tensor:
        """`(B, beams, V)`: log-probability that columns spell each text with one token more."""
        either = torch.logaddexp(self.inked, self.blank)
        most, weight = _scaled(self._before(either))
        longer = most + (weight @ self.p).log()
        # The last character once more is another one only after a blank.
        most, weight = _scaled(self._before(self.blank))
        again = most + (weight * self._of(self.p, self.last)).sum(-1, keepdim=True).log()
        longer.scatter_(-1, self.last[:, None, :, None].expand_as(again), again)
        longer[..., self.end] = either[..., -1]
        longer = longer.clamp(min=NEVER).logsumexp(1) - math.log(longer.shape[1])
        longer[..., self.silent] = self.score
        return longer

    def follow(self, token: Tensor, parent: Tensor) -> None:
        """Each row's text becomes that of row `parent` and one token `(B * beams,)` more."""
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
        """Of the column before each."""
        first = self.start.expand(-1, states.shape[1], -1, -1)
        return torch.cat([first, states[..., :-1]], dim=-1)

    @staticmethod
    def _of(columns: Tensor, token: Tensor) -> Tensor:
        """`(B, |G|, beams, T)`: what columns `(B, |G|, T, V)` have for a token of each text."""
        rows = columns.transpose(2, 3)
        index = token[:, None, :, None].expand(-1, rows.shape[1], -1, rows.shape[3])
        return rows.gather(2, index)


def _scaled(log_weight: Tensor) -> tuple[Tensor, Tensor]:
    """The largest along the last axis, and the weights as shares of it."""
    most = log_weight.amax(-1, keepdim=True)
    return most, (log_weight - most).exp()


def _recurrence(before: Tensor, log_p: Tensor) -> Tensor:
    """`r` with `r_t = p_t (r_(t-1) + before_t)`, all as logarithms, along the last axis."""
    along = log_p.cumsum(-1)
    return (along + torch.logcumsumexp(before + log_p - along, -1)).clamp(min=NEVER)
