"""A `LineNet` that begins as the orbit of a pretrained detector."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from isotrope.ocr.detection.db.model import DBNet
from isotrope.ocr.detection.linenet.model import Features, LineNet, LineNetConfig

Conv = nn.Conv2d | nn.ConvTranspose2d


@torch.no_grad()
def orbit_of(detector: DBNet, dim: int = LineNetConfig.dim) -> LineNet:
    """A `LineNet` whose core is, at first, the mean of the detector's logits at all turns.

    The mean is over the group and over the pixels of each position, but for a little noise from the
    layer that mixes orientations. The other maps are random, and so are the channels that the
    detector does not have.

    Args:
        detector: A detector with blue first.
        dim: As in `LineNetConfig`, at least a quarter of the detector's `neck_dim`.

    Raises:
        ValueError: `dim` is too small.
    """
    taken = detector.config.neck_dim // 4
    if dim < taken:
        raise ValueError(
            f"dim={dim} is less than the {taken} channels of the detector's head; give {taken} or "
            "more"
        )
    model = LineNet(LineNetConfig(trunk=detector.config, dim=dim))
    features = cast("Features", model.features.module)
    state = {name: w for name, w in detector.state_dict().items() if not name.startswith("head.")}
    state["stem.first.weight"] = state["stem.first.weight"].flip(1)  # red first
    features.load_state_dict(state, strict=False)
    for number in (0, 2):
        _widened(cast("Conv", features.head[number]), cast("Conv", detector.head[number]), taken)
    last, bias = cast("Conv", detector.head[4]), cast("Tensor", model.say.bias)
    model.say.weight[0] = 0
    model.say.weight[0, :taken, 0, 0, 0] = last.weight.mean((1, 2, 3))
    bias[0] = cast("Tensor", last.bias)[0]
    model.mix.conv.weight.mul_(0.1)
    return model


def _widened(wide: Conv, narrow: Conv, taken: int) -> None:
    """Copy a convolution into the first channels of a wider one, apart from the others."""
    if isinstance(wide, nn.ConvTranspose2d):
        wide.weight[taken:, :taken] = 0
        wide.weight[:taken, :taken] = narrow.weight
    else:
        wide.weight[:taken] = narrow.weight
    cast("Tensor", wide.bias)[:taken] = cast("Tensor", narrow.bias)
