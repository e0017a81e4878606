"""The `config.json` of a model's folder, which identifies the model. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from isotrope.ocr.onnx.session import CONFIG


def read_config(folder: str | Path, kind: str, key: str) -> dict[str, Any]:
    """Read the configuration of a folder that should contain a given kind of model.

    Args:
        folder: The model's folder.
        kind: The expected kind of model, for error messages.
        key: A key that only configurations of this kind have.

    Raises:
        ValueError: The configuration is missing, broken, or of another kind.
    """
    path = Path(folder) / CONFIG
    remedy = f"give the folder of {kind}"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{folder}: {CONFIG} cannot be read ({reason}); {remedy}") from error
    except ValueError as error:
        raise ValueError(f"{folder}: {CONFIG} is broken ({error}); copy it again") from error
    if not isinstance(config, dict) or key not in config:
        raise ValueError(f"{folder}: {CONFIG} is not that of {kind}; {remedy}")
    return config
