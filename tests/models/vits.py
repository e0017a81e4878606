"""Random ViTs of transformers, of odd sizes, for tests."""

import torch
from transformers import ViTConfig, ViTForImageClassification

ODD = (
    # hidden size, heads, width of the MLP, side of a patch, side of the grid, channels, layers
    (15, 3, 31, 5, 5, 3, 2),
    (14, 2, 9, 3, 7, 1, 3),
    (9, 1, 13, 7, 3, 2, 1),
)


def make_vit(sizes=ODD[0], image_size=None, kind=ViTForImageClassification, seed=0, **options):
    """A ViT in float64 and eval mode, with every weight random, biases and norms too."""
    dim, heads, hidden, patch, grid, channels, layers = sizes
    config = ViTConfig(
        hidden_size=dim,
        num_attention_heads=heads,
        intermediate_size=hidden,
        patch_size=patch,
        image_size=image_size or patch * grid,
        num_channels=channels,
        num_hidden_layers=layers,
        num_labels=7,
    )
    torch.manual_seed(seed)
    vit = kind(config, **options).double().eval()
    with torch.no_grad():
        for parameter in vit.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return vit


def noise(vit, rows=None, columns=None, batch=3):
    """Random images of the ViT's size, or of another."""
    torch.manual_seed(1)
    side, channels = vit.config.image_size, vit.config.num_channels
    return torch.randn(batch, channels, rows or side, columns or rows or side, dtype=torch.float64)
