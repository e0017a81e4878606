"""`LineRecognizerForCTC`: the line recognizer as a model of transformers."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from isotrope.lora import claim
from isotrope.ocr.recognition.calibration import KEY, Calibration
from isotrope.ocr.recognition.constants import BLANK, MODEL_TYPE
from isotrope.ocr.recognition.model import LineRecognizer, LineRecognizerConfig
from isotrope.ocr.recognition.store import save_model


class LineConfig(PreTrainedConfig):
    """Configuration of a `LineRecognizerForCTC`: the fields of `LineRecognizerConfig`."""

    model_type = MODEL_TYPE

    if TYPE_CHECKING:  # transformers turns runtime annotations into fields
        charset: str
        stem: str
        stages: list[dict[str, Any]]
        neck: str
        neck_dim: int

    @property
    def network(self) -> LineRecognizerConfig:
        """The configuration of the network."""
        names = [field.name for field in fields(LineRecognizerConfig)]
        return LineRecognizerConfig.from_dict({name: getattr(self, name) for name in names})


class LineRecognizerForCTC(PreTrainedModel):
    """Maps upright lines to characters, as `LineRecognizer`, whose weights and adapters it takes.

    `AutoProcessor` makes the pixels and decodes the logits; `isotrope.auto` registers both.
    """

    config_class = LineConfig
    main_input_name = "pixel_values"
    input_modalities = "image"
    adapted_as = "LineRecognizer"
    """The name under which its adapters know it: they fit both classes."""

    if TYPE_CHECKING:
        config: LineConfig

    def __init__(self, config: LineConfig) -> None:
        super().__init__(config)
        network = LineRecognizer(config.network)
        self.stem, self.blocks = network.stem, network.blocks
        self.neck, self.head = network.neck, network.head
        claim(self)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if reset := getattr(module, "reset_parameters", None):
            reset()

    def forward(self, pixel_values: Tensor, **_: Any) -> CausalLMOutput:
        """Logits `(B, W/8, classes)` of lines `(B, 3, 48, W)`, as `LineRecognizer.forward`."""
        columns = LineRecognizer.features(self, pixel_values)  # pyright: ignore[reportArgumentType] # has the same parts
        return CausalLMOutput(logits=self.head(columns))

    @classmethod
    def can_generate(cls) -> bool:
        """Yes: `pipeline("image-text-to-text")` asks."""
        return True

    @torch.inference_mode()
    def generate(self, pixel_values: Tensor, **_: Any) -> Tensor:
        """The characters of the best paths, as `(B, longest text)`: classes, padded with blanks."""
        rows = [row.unique_consecutive() for row in self(pixel_values).logits.argmax(-1)]
        return pad_sequence([row[row != BLANK] for row in rows], True, BLANK)

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Save as transformers does, then as `save_model`: `Reader.from_pretrained` reads it too.

        The weights are rounded to 16 bits. An adapter is not saved: merge it first.

        Raises:
            ModuleNotFoundError: the graph needs the extra `onnx`.
        """
        super().save_pretrained(save_directory, **kwargs)
        network = LineRecognizer(self.config.network)
        network.load_state_dict(self.state_dict())
        known = getattr(self.config, KEY, None)
        save_model(network, os.fspath(save_directory), **({} if known is None else {KEY: known}))

    @property
    def calibration(self) -> Calibration:
        """Turns its confidences into probabilities; the identity if it was not calibrated."""
        return Calibration.from_config(self.config.to_dict())
