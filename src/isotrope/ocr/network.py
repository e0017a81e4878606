"""`FolderNetwork`: a network on onnxruntime, loaded from a folder. No torch."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from isotrope.ocr.loading import shipped
from isotrope.ocr.onnx.config import read_config
from isotrope.ocr.onnx.session import open_graph
from isotrope.ocr.processes import PerProcess

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class FolderNetwork:
    """What finders and detectors share: a configuration, and a graph that is opened on first use.

    Works in forked and spawned processes too.

    Args:
        folder: The network's folder.
        threads: Number of threads. None: onnxruntime's default.
        device: As in `onnx_providers`.

    Raises:
        ValueError: The folder's configuration is missing, or another network's.
    """

    shipped_as: ClassVar[str]
    """The name of the shipped weights."""

    kind: ClassVar[tuple[str, str]]
    """What the folder should contain, and a key that only its configuration has."""

    def __init__(
        self, folder: str | Path, threads: int | None = None, device: str | None = None
    ) -> None:
        self.config = read_config(folder, *self.kind)
        self._opened = PerProcess(partial(open_graph, folder, threads, device=device))

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> Self:
        """Load the network of a folder. None: the shipped one, whose graph opens on first use.

        Raises:
            ValueError: The folder is incomplete, or its graph is broken.
        """
        network = cls(path or shipped(cls.shipped_as), threads, device)
        if path is not None:
            network._opened.get()
        return network

    @property
    def session(self) -> InferenceSession:
        """The graph, opened in this process."""
        return self._opened.get()
