"""Cache exports of the papers' recognizer, keyed by the contents of their sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import isotrope
from isotrope.io.files import cache_folder
from isotrope.ocr.loading import adapter_folder, shipped

if TYPE_CHECKING:
    from isotrope.ocr.gsanet.recognizer import Recognizer


def source_folders(path: Path | None, adapter: str | Path | None) -> list[Path]:
    """List the folders that make up a `Recognizer`: its weights and its adapter."""
    weights = path or shipped("recognizer")
    return [weights] if adapter is None else [weights, adapter_folder(adapter, "recognizer")]


def cached_export(sources: Sequence[Path], load: Callable[[], Recognizer]) -> Path:
    """Return the folder of a recognizer's export, exporting it if it is not in the cache.

    Args:
        sources: The folders of its weights and adapter; their contents form the key.
        load: Loads the recognizer.

    Raises:
        ValueError: The cache cannot be written.
    """
    folder = export_folder(sources)
    if not is_whole(folder):
        from isotrope.ocr.gsanet.export import export_onnx

        recognizer = load()
        try:
            export_onnx(recognizer, folder)
        except OSError as error:
            raise ValueError(
                f"{folder}: cannot be written ({error.strerror or error}); point XDG_CACHE_HOME "
                "elsewhere, or run isotrope export and give its folder"
            ) from error
    return folder


def export_folder(sources: Sequence[Path]) -> Path:
    """Path in the user's cache of the export of these weights, whether or not it exists."""
    return cache_folder() / "onnx" / _fingerprint(sources)


def is_whole(folder: Path) -> bool:
    """Whether an export is complete: `config.json` is written last."""
    return (folder / "config.json").is_file()


def _fingerprint(sources: Sequence[Path]) -> str:
    import torch

    from isotrope.ocr.gsanet.graph import FORMAT

    digest = hashlib.sha256(f"{FORMAT} {isotrope.__version__} {torch.__version__}".encode())
    for source in sources:
        for file in sorted(source.glob("*")):
            if file.suffix in (".json", ".safetensors", ".bin"):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"\n{file.name} {content}".encode())
    return digest.hexdigest()[:32]
