"""The encoder of the papers' model: an equivariant ViT as a transformers encoder."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from isotrope.models.config import EquivariantViTConfig
from isotrope.models.vit import EquivariantViT


class LiftedEncoderConfig(PreTrainedConfig):
    """The configuration of `LiftedEncoder`: `vit` is an `EquivariantViTConfig` as a dict."""

    model_type = "isotrope_encoder"

    def __init__(self, vit: dict | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.vit = vit or {}
        self.hidden_size = EquivariantViTConfig(**self.vit).stages[-1].dim


class LiftedEncoder(PreTrainedModel):
    """An `EquivariantViT` without pooling or head, as a transformers encoder.

    Maps pixels `(B, 3, H, W)` in [0, 1] to tokens `(B, |G| * H/s * W/s, C)`, orientation-major.
    """

    takes, gives = "image", "tokens"

    config_class = LiftedEncoderConfig
    base_model_prefix = "encoder"
    main_input_name = "pixel_values"

    def __init__(self, config: LiftedEncoderConfig) -> None:
        super().__init__(config)
        self.vit = EquivariantViT(EquivariantViTConfig(**config.vit))
        self.post_init()

    def _init_weights(self, module: torch.nn.Module) -> None:
        """Only refill the layers' tables after loading; the layers initialize themselves."""
        reset = getattr(module, "reset_tables", None)
        if reset is not None:
            reset()

    def forward(
        self, pixel_values: Tensor, return_dict: bool = True, **_
    ) -> BaseModelOutput | tuple:
        pixels = standardize(pixel_values).to(self.vit.embed.weight.dtype)
        tokens = self.vit.features(pixels)[-1].flatten(1, 3)
        return BaseModelOutput(last_hidden_state=tokens) if return_dict else (tokens,)


AutoConfig.register(LiftedEncoderConfig.model_type, LiftedEncoderConfig, exist_ok=True)
AutoModel.register(LiftedEncoderConfig, LiftedEncoder, exist_ok=True)


def standardize(pixels: Tensor) -> Tensor:
    """Normalize each image to mean 0 and about unit contrast, for ink and paper of any gray.

    Zero padding at the border then equals the mean gray. Turns do not change the mean.
    """
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    spread = (pixels - mean).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return (pixels - mean) / (spread + 0.03)
