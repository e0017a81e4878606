"""Save and load a `Translator` with torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file

from isotrope.io.files import replacing
from isotrope.ocr.loading import TRANSLATOR
from isotrope.ocr.translation.files import TENSORS, load_arrays, packed
from isotrope.ocr.translation.model import Translator

_TIED = "decoder.output_projection.weight"
"""The same as the embeddings of tokens."""


def save_translator(model: Translator, folder: str | Path, **more: Any) -> None:
    """Write `translator.json` and `translator.safetensors`; `more` goes into the former."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    arrays = {k: v.detach().float().cpu().numpy() for k, v in state.items() if k != _TIED}
    with replacing(folder / TENSORS) as temporary:
        save_file(packed(arrays), temporary)
    values = {"config": model.config.to_dict(), **more}
    with replacing(folder / TRANSLATOR) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")


def load_translator(folder: str | Path, dropout: float = 0.1) -> Translator:
    """Load the translator of a folder, in eval mode.

    Raises:
        ValueError: There is no translator, or it is broken.
    """
    config, _, arrays = load_arrays(folder)
    model = Translator(config, dropout)
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    state[_TIED] = state["decoder.model.decoder.embed_tokens.weight"]
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{folder}: not a translator ({reason}); copy it again") from error
    return model.eval()
