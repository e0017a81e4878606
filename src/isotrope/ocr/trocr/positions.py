"""The sinusoidal positions of some TrOCR decoders, which transformers 5 loses."""

from __future__ import annotations

from torch import nn
from transformers.models.trocr.modeling_trocr import TrOCRSinusoidalPositionalEmbedding


def refill_positions(model: nn.Module) -> None:
    """Compute the tables of sinusoidal positions, as loading leaves them on the meta device.

    They become buffers, so that they move with the model.
    """
    for module in model.modules():
        if isinstance(module, TrOCRSinusoidalPositionalEmbedding):
            rows = len(module.weights)
            table = module.get_embedding(rows, module.embedding_dim, module.padding_idx)
            del module.weights
            module.register_buffer("weights", table, persistent=False)
