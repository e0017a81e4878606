"""Losses on where characters stand, beside that of the text.

A rendered word says where each character is. Telling the encoder so (which character stands at a
token, and which place in the text it has) and telling the decoder's last cross-attention where to
look finds characters and reading order in a tenth of the samples that the text alone needs. It
also makes the orientation that the attention rests on the true one. Of a real line only the order
of its characters is known, which is enough for the encoder's part.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from isotrope.ocr.gsanet.columns import BLANK, log_columns
from isotrope.text.tokens import SPECIAL
from isotrope.training.batches import Batch


class AlignmentLoss(nn.Module):
    """Three losses at the places of the characters, and one where these are not known.

    - `dense`: cross-entropy of the recogniser's head `columns` at every token `(x, g)`: the
      character whose centre lies in the token's cell, for `g` the identity (the text is upright),
      else blank.
    - `order`: cross-entropy of a linear probe at the characters' tokens for the place in the text;
      the probe is of no use afterwards.
    - `look`: minus the logarithm of the cross-attention that falls within one step of the
      character being written, at the identity orientation.
    - `ctc`: of images without known places: `columns_loss`.
    """

    places = 128

    def __init__(self, dim: int, order: int) -> None:
        super().__init__()
        self.place = nn.Linear(dim, self.places)
        self.order = order

    def forward(
        self,
        tokens: Tensor,
        characters: Tensor,
        attention: Tensor,
        labels: Tensor,
        batch: Batch,
        stride: int,
    ) -> dict[str, Tensor]:
        """Losses of tokens `(B, G*N, C)`, of what `columns` says of them, `(B, G*N, V)`, and of
        the cross-attention `(B, heads, T, G*N)`.

        Zeros where a batch has no images of the kind.
        """
        size = tuple(n // stride for n in batch.pixels.shape[2:])
        known = [i for i, c in enumerate(batch.centers) if len(c)]
        losses = dict.fromkeys(("dense", "order", "look", "ctc"), tokens.new_zeros(()))
        if known:
            image, place, point = _flatten(batch, known, tokens.device)
            column = (point[:, 0] * size[1]).long().clamp(0, size[1] - 1)
            row = (point[:, 1] * size[0]).long().clamp(0, size[0] - 1)
            cell = row * size[1] + column  # tokens are orientation-major: the identity comes first
            target = labels[image, place]
            drawn = target != SPECIAL  # the space, first of the charset, leaves no ink
            losses["dense"] = self._dense(
                characters[known], known, image[drawn], cell[drawn], target[drawn]
            )
            losses["order"] = F.cross_entropy(
                self.place(tokens[image[drawn], cell[drawn]]).float(),
                place[drawn].clamp(max=self.places - 1),
            )
            losses["look"] = self._look(attention, image, place, point, size)
        unknown = [i for i, c in enumerate(batch.centers) if not len(c)]
        if unknown:
            losses["ctc"] = columns_loss(characters[unknown], labels[unknown], size)
        return losses

    def _dense(
        self, characters: Tensor, known: list[int], image: Tensor, cell: Tensor, target: Tensor
    ) -> Tensor:
        logits = characters.float()
        goal = torch.full(logits.shape[:2], BLANK, device=logits.device)
        row_of = torch.full((max(known) + 1,), -1, device=logits.device)
        row_of[known] = torch.arange(len(known), device=logits.device)
        goal[row_of[image], cell] = target
        loss = F.cross_entropy(logits.flatten(0, 1), goal.flatten(), reduction="none")
        inked = goal.flatten() != BLANK
        return loss[inked].mean() + loss[~inked].mean()

    def _look(
        self, attention: Tensor, image: Tensor, place: Tensor, point: Tensor, size: tuple[int, int]
    ) -> Tensor:
        weights = attention.float().mean(dim=1)[image, place]  # (characters, G*N)
        upright = weights.unflatten(1, (self.order, *size))[:, 0]
        rows = torch.arange(size[0], device=point.device) + 0.5
        columns = torch.arange(size[1], device=point.device) + 0.5
        near_row = (rows - point[:, 1:] * size[0]).abs() <= 1.0
        near_column = (columns - point[:, :1] * size[1]).abs() <= 1.0
        inside = near_row[:, :, None] & near_column[:, None, :]
        return -((upright * inside).sum(dim=(1, 2)) + 1e-4).log().mean()


def columns_loss(characters: Tensor, labels: Tensor, size: tuple[int, int]) -> Tensor:
    """CTC of upright images (Graves et al. 2006), which needs the order of the characters alone.

    The columns are read from left to right, in each the rows that say most, and the characters are
    aligned with them in all ways at once. Nil for images higher than wide, which are few.

    Args:
        characters: logits of the head `columns`, `(B, |G| * h * w, V)`; the identity comes first.
        labels: as `Recognizer.encode_text` gives them.
        size: `(h, w)`.
    """
    if size[1] < size[0]:
        return characters.new_zeros(())
    upright = characters[:, : math.prod(size)].float().unflatten(1, size)
    columns = log_columns(upright).transpose(0, 1)  # (w, B, V)
    texts = [row[row > SPECIAL] for row in labels]  # characters that leave ink
    lengths = torch.tensor([len(text) for text in texts])
    widths = torch.full_like(lengths, size[1])
    # More characters than columns can be aligned in no way: such an image costs nothing.
    return F.ctc_loss(columns, torch.cat(texts), widths, lengths, BLANK, zero_infinity=True)


def _flatten(batch: Batch, known: list[int], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Image number, place in the text and `(x, y)` of every character with a known place."""
    image = torch.cat([torch.full((len(batch.centers[i]),), i) for i in known])
    place = torch.cat([torch.arange(len(batch.centers[i])) for i in known])
    point = torch.cat([torch.from_numpy(batch.centers[i]).float() for i in known])
    return image.to(device), place.to(device), point.to(device)
