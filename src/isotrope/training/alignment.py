"""Losses on where characters stand, beside that of the text.

A rendered word says where each character is. The encoder learns from it which character stands at a
token, and which place in the text it has; the decoder's last cross-attention learns where to look.
That finds characters and reading order in a tenth of the samples that the text alone needs, and
makes the orientation that the attention rests on the true one. For a real line only the order of
its characters is known, which is enough for the encoder's part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from isotrope.ocr.gsanet.columns import BLANK, log_columns
from isotrope.text.tokens import SPECIAL

FINE = 1 << 16
"""Steps of a whole side that centers are counted in: integers, which no precision rounds."""


@dataclass(frozen=True)
class Seen:
    """What a recognizer makes of a batch.

    Args:
        tokens: Of the encoder, `(B, G*N, C)`, orientation-major: the identity comes first.
        characters: Logits of the head `columns` at them, `(B, G*N, V)`.
        looks: The last cross-attention, `(B, heads, T, G*N)`.
        size: Rows and columns of the tokens of each orientation; their product is `N`.
    """

    tokens: Tensor
    characters: Tensor
    looks: Tensor
    size: tuple[int, int]


class AlignmentLoss(nn.Module):
    """Three losses at the places of the characters, and one where these are not known.

    - `dense`: cross-entropy of the recognizer's head `columns` at every token `(x, g)`: the
      character whose center lies in the token's cell, for `g` the identity (the text is upright),
      else blank.
    - `order`: cross-entropy of a linear probe at the characters' tokens for the place in the text;
      the probe is not used afterwards.
    - `look`: minus the logarithm of the cross-attention that falls within one step of the
      character being written, at the identity orientation.
    - `ctc`: of images without known places: `columns_loss`.

    Args:
        dim: `C`.
        order: Elements of the group.
        space: The token that leaves no ink.
    """

    places = 128

    def __init__(self, dim: int, order: int, space: int) -> None:
        super().__init__()
        self.place = nn.Linear(dim, self.places)
        self.order, self.space = order, space

    def forward(
        self, seen: Seen, labels: Tensor, centers: Tensor, known: Tensor
    ) -> dict[str, Tensor]:
        """The four losses; 0 for those of which a batch has no images.

        Args:
            labels: `(B, T)` as `Recognizer.encode_text` gives them.
            centers: `(B, T, 2)`, the `(x, y)` of each character in `FINE` steps of the width and
                the height.
            known: `(B,)`, whether these are.
        """
        characters = seen.characters
        # Not a constant: every rank has a gradient of every weight, whatever its batch holds.
        nothing = 0.0 * (self.place(seen.tokens[:, 0]).float().mean() + characters.float().mean())
        losses: dict[str, Tensor] = dict.fromkeys(("dense", "order", "look", "ctc"), nothing)
        if known.any():
            written = (labels >= SPECIAL) & known[:, None]
            image, place = written.nonzero(as_tuple=True)
            point, target = centers[image, place].float() / FINE, labels[image, place]
            cell = _cells(point, seen.size)
            drawn = target != self.space
            goal = torch.full(characters.shape[:2], BLANK, device=characters.device)
            goal[image[drawn], cell[drawn]] = target[drawn]
            losses["dense"] = nothing + _dense(characters[known], goal[known])
            losses["order"] = nothing + functional.cross_entropy(
                self.place(seen.tokens[image[drawn], cell[drawn]]).float(),
                place[drawn].clamp(max=self.places - 1),
            )
            losses["look"] = nothing + self._look(seen, image, place, point)
        if not known.all():
            unknown = ~known
            losses["ctc"] = nothing + columns_loss(
                characters[unknown], labels[unknown], seen.size, self.space
            )
        return losses

    def _look(self, seen: Seen, image: Tensor, place: Tensor, point: Tensor) -> Tensor:
        weights = seen.looks.float().mean(dim=1)[image, place]  # (characters, G*N)
        upright = weights.unflatten(1, (self.order, *seen.size))[:, 0]
        rows, columns = (torch.arange(n, device=point.device) + 0.5 for n in seen.size)
        near_row = (rows - point[:, 1:] * seen.size[0]).abs() <= 1.0
        near_column = (columns - point[:, :1] * seen.size[1]).abs() <= 1.0
        inside = near_row[:, :, None] & near_column[:, None, :]
        return -((upright * inside).sum(dim=(1, 2)) + 1e-4).log().mean()


def columns_loss(characters: Tensor, labels: Tensor, size: tuple[int, int], space: int) -> Tensor:
    """CTC of upright images (Graves et al. 2006), which needs the order of the characters alone.

    The columns are read from left to right, in each the rows that say most, and the characters are
    aligned with them in all ways at once. It is 0 for images higher than wide, which are few.

    Args:
        characters: Logits of the head `columns`, `(B, |G| * h * w, V)`; the identity comes first.
        labels: As `Recognizer.encode_text` gives them.
        size: `(h, w)`.
        space: The token that leaves no ink; the columns are not asked for it.
    """
    if size[1] < size[0]:
        return characters.new_zeros(())
    upright = characters[:, : math.prod(size)].float().unflatten(1, size)
    columns = log_columns(upright).transpose(0, 1)  # (w, B, V)
    texts = [row[(row >= SPECIAL) & (row != space)] for row in labels]  # what leaves ink
    lengths = torch.tensor([len(text) for text in texts])
    widths = torch.full_like(lengths, size[1])
    # More characters than columns cannot be aligned: such an image costs nothing.
    return functional.ctc_loss(
        columns, torch.cat(texts), widths, lengths, BLANK, zero_infinity=True
    )


def _cells(point: Tensor, size: tuple[int, int]) -> Tensor:
    """The token of the identity orientation in which each point `(x, y)` lies."""
    column = (point[:, 0] * size[1]).long().clamp(0, size[1] - 1)
    row = (point[:, 1] * size[0]).long().clamp(0, size[0] - 1)
    return row * size[1] + column


def _dense(characters: Tensor, goal: Tensor) -> Tensor:
    """Cross-entropy at inked and at blank tokens, each kind alike however few there are."""
    logits, goal = characters.float().flatten(0, 1), goal.flatten()
    loss = functional.cross_entropy(logits, goal, reduction="none")
    inked = goal != BLANK
    return loss[inked].mean() + loss[~inked].mean()
