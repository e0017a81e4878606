"""The appendix of [LoRA-GSA]: [RC]'s encoding breaks group self-attention, the corrected holds.

    python examples/appendix.py          # writes docs/images/appendix.png

Stacks up to eight layers of group self-attention, float64, random weights, with a random LoRA on q,
k, v and out of each. A layer sees a pair of tokens `(x, g)`, `(y, h)` through `rho(d, u)`,
`d = g^-1 (y - x)`; for the query at `h1` of the output at `g`,

    corrected   u = h1^-1 h
    [RC]        u = g^-1 h1^-1 h

and the error of an element is `max |layers(L_h F) - L_h layers(F)| / max |layers(F)|`.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from isotrope import CyclicGroup, DihedralGroup, equivariance_error
from isotrope.groups import Group
from isotrope.lora import add_adapter
from isotrope.nn.encodings import coordinates, in_frame

LAWS = {
    "corrected": lambda group, g, h1, h: group.relative[h1][h],
    "[RC]": lambda group, g, h1, h: group.compose(group.inverse(g), group.relative[h1][h]),
}


class Literal(nn.Module):
    """One head of [RC]'s group self-attention, term by term; queries of all `h1` are summed."""

    def __init__(self, dim: int, group: Group, law: str) -> None:
        super().__init__()
        self.group, self.law = group, LAWS[law]
        self.rho = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Linear(16, dim))
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(dim, dim) for _ in range(4)
        )

    def forward(self, lifted: Tensor) -> Tensor:
        size, f = tuple(lifted.shape[2:4]), lifted.flatten(2, 3)
        points = coordinates(size)
        steps = points[None] - points[:, None]  # y - x
        out = []
        for g in self.group.elements:
            offsets = in_frame(self.group, g, steps)
            shares = (self.attend(f, g, h1, offsets) for h1 in self.group.elements)
            out.append(sum(shares))
        return lifted + self.out_proj(torch.stack(out, dim=1)).unflatten(2, size)

    def attend(self, f: Tensor, g: int, h1: int, offsets: Tensor) -> Tensor:
        """The queries at `h1` for the output at `g`: `(B, N, C)`."""
        query, scores = self.q_proj(f[:, h1]), []
        for h in self.group.elements:
            u = self.law(self.group, g, h1, h)
            keys = self.k_proj(f[:, h, None] + self.vectors(offsets, u))
            scores.append((query[:, :, None] * keys).sum(-1) / query.shape[-1] ** 0.5)
        weights = torch.cat(scores, dim=-1).softmax(dim=-1)  # jointly over (y, h)
        return weights @ self.v_proj(f.flatten(1, 2))

    def vectors(self, offsets: Tensor, u: int) -> Tensor:
        """`rho(d, u)`: `(N, N, C)`."""
        angle = math.radians(self.group.angle(u))
        of_u = torch.tensor([math.cos(angle), math.sin(angle), self.group.is_mirror(u)])
        return self.rho(torch.cat((offsets, of_u.to(offsets).expand(*offsets.shape[:2], 3)), 2))


def errors(group: Group, law: str, depth: int, dim: int = 8) -> list[float]:
    """The largest error of any element after 1, 2, ... layers."""
    torch.manual_seed(0)
    layers = nn.Sequential(*(Literal(dim, group, law) for _ in range(depth))).double()
    adapted = add_adapter(layers, "attention", rank=2).requires_grad_(False)
    for parameter in adapted.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.3)
    lifted = torch.randn(1, group.order, 3, 4, dim, dtype=torch.float64)
    kinds = {"takes": "lifted", "gives": "lifted"}
    return [
        max(equivariance_error(layers[:count], lifted, group, **kinds).values())
        for count in range(1, depth + 1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("docs/images/appendix.png"))
    parser.add_argument("--depth", type=int, default=8)
    arguments = parser.parse_args()
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for group, line in ((CyclicGroup(4), "-"), (DihedralGroup(4), "--")):
        for law, color in (("[RC]", "C3"), ("corrected", "C0")):
            found = errors(group, law, arguments.depth)
            print(f"{group.name}, {law}: " + " ".join(f"{error:.1e}" for error in found))
            label = f"{group.name}, {law}"
            axes.semilogy(range(1, len(found) + 1), found, line, color=color, label=label)
    axes.set(xlabel="layers", ylabel="largest error of any element", ylim=(1e-17, 10))
    axes.legend(frameon=False)
    figure.savefig(arguments.out, dpi=150)


if __name__ == "__main__":
    main()
