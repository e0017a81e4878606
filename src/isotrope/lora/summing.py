"""Several adapters at once on a torch model: the weights of `isotrope.lora.sums`."""

from __future__ import annotations

import torch
from torch import nn

from isotrope.lora.adapters import arrays, description
from isotrope.lora.sums import Terms, summed_characters, summed_weights


@torch.no_grad()
def sum_adapters(model: nn.Module, terms: Terms) -> None:
    """Give a model the weights of a weighted sum of adapters, in place.

    Its parameters get new storage, so that models that share their storage keep their values.

    Args:
        model: Without adapters.
        terms: The weight and the folder of each adapter.

    Raises:
        FileNotFoundError, ValueError: As in `summed_weights`, or they have new characters.
    """
    if rows := summed_characters(terms):
        raise ValueError(
            f"adapters with new characters ({rows.characters}) are summed by engine 'isotrope' "
            "alone; name one of them"
        )
    made = description(model)
    changed = summed_weights(made["model"], made["charset"], arrays(model), terms)
    parameters = dict(model.named_parameters())
    for name, weight in changed.items():
        parameters[name].data = torch.from_numpy(weight).to(parameters[name])
