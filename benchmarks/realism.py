"""Measure how well a small network tells rendered from photographed words; 50% is chance.

    python benchmarks/realism.py WORDS.tar ...

Each WORDS is a labeled set (see `isotrope.data.lines`). Real and rendered words are prepared
alike: 32 pixels high, 96 wide, cropped at random or padded with their last column. The network is
trained on half of each and tested on the other half.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from isotrope.data.images import load_image
from isotrope.data.lines import LabeledLines
from isotrope.data.synthetic.text import SyntheticText

HEIGHT, WIDTH, ENLARGED = 32, 96, 48
BATCH, RATE = 64, 3e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="+", help="labeled sets of photographed words")
    parser.add_argument("--count", type=int, default=2000, help="words of each set")
    parser.add_argument("--seconds", type=float, default=60.0, help="training time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", help="write the least believable rendered words to this image")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    real = torch.cat([photographed(path, options.count, options.seed) for path in options.words])
    drawn = rendered(len(real), options.seed)
    train = real[::2], drawn[::2]
    test = real[1::2], drawn[1::2]
    network = classifier()
    steps = fit(network, *train, options.seconds)
    found = [scores(network, images) for images in test]
    accuracy = 0.5 * ((found[0] > 0).float().mean() + (found[1] <= 0).float().mean())
    parameters = sum(p.numel() for p in network.parameters())
    print(
        f"{100 * accuracy:.1f}% of {2 * len(test[0])} held-out words told apart "
        f"({parameters} parameters, {steps} steps, seed {options.seed})"
    )
    if options.show:
        show(test, found, options.show)


def photographed(path: str, count: int, seed: int) -> Tensor:
    """Up to `count` crops of a labeled set, `(n, 3, 32, 96)`."""
    words = LabeledLines(path)
    order = torch.randperm(len(words), generator=torch.Generator().manual_seed(seed))
    images = (words[int(i)][0] for i in order)
    wide = (image for image in images if image.shape[2] >= 0.8 * image.shape[1])
    return torch.stack([crop(image) for image, _ in zip(wide, range(count), strict=False)])


def rendered(count: int, seed: int) -> Tensor:
    """`count` crops of rendered words, `(count, 3, 32, 96)`."""
    source = SyntheticText("train", seed=seed + 1, lines=0.0)
    start, images = time.process_time(), []
    with warnings.catch_warnings():
        for index in range(count):
            images.append(crop(load_image(source.sample(index).image)))
    rate = count / (time.process_time() - start)
    print(f"{rate:.0f} words a second and core, drawn one by one")
    return torch.stack(images)


def crop(image: Tensor) -> Tensor:
    """Crop an image `(3, H, W)` to `(3, 32, 96)`, enlarging it first as a reader would."""
    for height in (ENLARGED, HEIGHT):
        width = max(8, round(image.shape[2] * height / image.shape[1]))
        image = functional.interpolate(
            image[None], (height, width), mode="bilinear", antialias=True
        )[0]
    if image.shape[2] < WIDTH:
        return functional.pad(image, (0, WIDTH - image.shape[2], 0, 0), mode="replicate")
    left = int(torch.randint(image.shape[2] - WIDTH + 1, ()))
    return image[:, :, left : left + WIDTH]


def classifier() -> nn.Module:
    """Network from crops `(B, 3, 32, 96)` to `(B, 1)`, above 0 if photographed."""
    widths, layers = (3, 12, 16, 24), []
    for before, after in pairwise(widths):
        conv = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 1))


def fit(network: nn.Module, real: Tensor, drawn: Tensor, seconds: float) -> int:
    """Train for `seconds`, decaying the learning rate to 0; return the number of steps."""
    images, labels = torch.cat((real, drawn)), torch.zeros(len(real) + len(drawn))
    labels[: len(real)] = 1
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    start, steps = time.process_time(), 0
    while (spent := (time.process_time() - start) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = RATE * (1 - spent)
        at = torch.randint(len(images), (BATCH,))
        loss = functional.binary_cross_entropy_with_logits(network(images[at])[:, 0], labels[at])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    return steps


@torch.no_grad()
def scores(network: nn.Module, images: Tensor) -> Tensor:
    """Scores `(n,)`, above 0 if an image looks photographed."""
    network.eval()
    return torch.cat([network(part)[:, 0] for part in images.split(256)])


def show(test: Sequence[Tensor], found: Sequence[Tensor], path: str) -> None:
    """Draw the 60 least and the 60 most certain crops of both kinds, in four blocks."""
    from PIL import Image

    blocks = []
    for images, score in zip(test, found, strict=True):
        order = score.argsort()
        blocks += [images[order[:60]], images[order[-60:]]]
    rows = [
        torch.cat(tuple(block[i : i + 10]), dim=2) for block in blocks for i in range(0, 60, 10)
    ]
    pixels = (255 * torch.cat(rows, dim=1)).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(path)


if __name__ == "__main__":
    main()
