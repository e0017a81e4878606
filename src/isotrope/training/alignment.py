"""Losses on the positions of characters, in addition to the text loss.

For a rendered word the position of each character is known. From it the encoder learns which
character is at each token and what place it has in the text, and the decoder's last cross-attention
learns where to look. This learns characters and reading order from a tenth of the samples that the
text loss alone needs, and makes the attention rest on the true orientation. For a real line only
the order of the characters is known, which is enough for the encoder's part.
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
"""Centers are integers in units of 1 / FINE of a side, so that no precision can round them."""


@dataclass(frozen=True)
class Seen:
    """The outputs of a recognizer for a batch.

    Args:
        tokens: The encoder's tokens, `(B, G*N, C)`, orientation-major, the identity first.
        characters: Logits of the head `columns` at the tokens, `(B, G*N, V)`.
        looks: The last cross-attention, `(B, heads, T, G*N)`.
        size: Rows and columns of the tokens of each orientation; their product is `N`.
    """

    tokens: Tensor
    characters: Tensor
    looks: Tensor
    size: tuple[int, int]


class AlignmentLoss(nn.Module):
    """Three losses for known character positions, and one for images without them.

    - `dense`: cross-entropy of the recognizer's head `columns` at every token `(x, g)`. The target
      is the character whose center lies in the token's cell if `g` is the identity (the text is
      upright), else blank.
    - `order`: cross-entropy of a linear probe that predicts a character's place in the text from
      its token; the probe is used in training only.
    - `look`: minus the logarithm of the cross-attention within one step of the character being
      written, at the identity orientation.
    - `ctc`: `columns_loss` on images without known positions.

    Args:
        dim: Number of channels `C`.
        order: Order of the group.
        space: The token of the space, which leaves no ink.
    """

    places = 128

    def __init__(self, dim: int, order: int, space: int) -> None:
        super().__init__()
        self.place = nn.Linear(dim, self.places)
        self.order, self.space = order, space

    def forward(
        self, seen: Seen, labels: Tensor, centers: Tensor, known: Tensor
    ) -> dict[str, Tensor]:
        """The four losses; a loss is 0 if the batch has no images for it.

        Args:
            labels: `(B, T)`, from `Recognizer.encode_text`.
            centers: `(B, T, 2)`, the `(x, y)` of each character in `FINE` steps of the width and
                the height.
            known: `(B,)`, whether the centers are known.
        """
        characters = seen.characters
        # Not a constant: every rank needs a gradient for every weight, whatever its batch holds.
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
    """CTC loss on upright images (Graves et al. 2006); needs only the order of the characters.

    The columns are read from left to right, each from its most confident rows, and CTC sums over
    all alignments with the characters. The loss is 0 for the few images that are taller than wide.

    Args:
        characters: Logits of the head `columns`, `(B, |G| * h * w, V)`; the identity comes first.
        labels: Labels from `Recognizer.encode_text`.
        size: `(h, w)`.
        space: The token of the space; it leaves no ink and is not a target.
    """
    if size[1] < size[0]:
        return characters.new_zeros(())
    upright = characters[:, : math.prod(size)].float().unflatten(1, size)
    columns = log_columns(upright).transpose(0, 1)  # (w, B, V)
    texts = [row[(row >= SPECIAL) & (row != space)] for row in labels]  # characters with ink
    lengths = torch.tensor([len(text) for text in texts])
    widths = torch.full_like(lengths, size[1])
    # An image with more characters than columns cannot be aligned: its loss is 0.
    return functional.ctc_loss(
        columns, torch.cat(texts), widths, lengths, BLANK, zero_infinity=True
    )


def _cells(point: Tensor, size: tuple[int, int]) -> Tensor:
    """The index of the identity's token whose cell contains each point `(x, y)`."""
    column = (point[:, 0] * size[1]).long().clamp(0, size[1] - 1)
    row = (point[:, 1] * size[0]).long().clamp(0, size[0] - 1)
    return row * size[1] + column


def _dense(characters: Tensor, goal: Tensor) -> Tensor:
    """Mean cross-entropy at inked tokens plus that at blank tokens, whatever their numbers."""
    logits, goal = characters.float().flatten(0, 1), goal.flatten()
    loss = functional.cross_entropy(logits, goal, reduction="none")
    inked = goal != BLANK
    return loss[inked].mean() + loss[~inked].mean()
