"""Exports of the papers' recognizer in the user's cache, each under a key of what it is made of."""

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
    """The folders whose files make a `Recognizer`: its weights, and its adapter."""
    weights = path or shipped("recognizer")
    return [weights] if adapter is None else [weights, adapter_folder(adapter, "recognizer")]


def cached_export(sources: Sequence[Path], load: Callable[[], Recognizer]) -> Path:
    """The folder of a recognizer's export, which is made if it is not in the user's cache.

    Args:
        sources: The folders of its weights and of its adapter, whose contents are the key.
        load: Loads it.

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
    """Where in the user's cache the export of these weights is, or would be."""
    return cache_folder() / "onnx" / _fingerprint(sources)


def is_whole(folder: Path) -> bool:
    """Whether an export was finished: `config.json` is the last file to be written."""
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
