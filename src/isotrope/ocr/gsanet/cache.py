"""Cache exports of the papers' recognizer, keyed by the contents of their sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import isotrope
from isotrope.io.files import cache_folder
from isotrope.ocr.adapter_names import Given, one_adapter
from isotrope.ocr.loading import shipped

if TYPE_CHECKING:
    from isotrope.ocr.gsanet.recognizer import Recognizer


Sources: TypeAlias = tuple[tuple[float, Path], ...]
"""The folders that make up a recognizer, with the weights of its adapters."""


def sources_of(path: Path | None, adapter: Given) -> Sources:
    """The folders of a `Recognizer`: its weights, and its adapters."""
    adapters = one_adapter(adapter, "recognizer")
    return ((1.0, path or shipped("recognizer")), *(adapters.terms if adapters else ()))


def cached_export(sources: Sources, load: Callable[[], Recognizer]) -> Path:
    """Return the folder of a recognizer's export, exporting it if it is not in the cache.

    Args:
        sources: As `sources_of` lists them; their contents form the key.
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


def export_folder(sources: Sources) -> Path:
    """Path in the user's cache of the export of these weights, whether or not it exists."""
    return cache_folder() / "onnx" / _fingerprint(sources)


def is_whole(folder: Path) -> bool:
    """Whether an export is complete: `config.json` is written last."""
    return (folder / "config.json").is_file()


def _fingerprint(sources: Sources) -> str:
    import torch

    from isotrope.ocr.gsanet.graph import FORMAT

    digest = hashlib.sha256(f"{FORMAT} {isotrope.__version__} {torch.__version__}".encode())
    for weight, source in sources:
        digest.update(f"\n{weight!r} of".encode())
        for file in sorted(source.glob("*")):
            if file.suffix in (".json", ".safetensors", ".bin"):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"\n{file.name} {content}".encode())
    return digest.hexdigest()[:32]
