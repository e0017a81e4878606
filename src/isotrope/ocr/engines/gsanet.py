"""The papers' reader: a TrOCR with an equivariant encoder, [LoRA-GSA], on torch or onnxruntime."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from isotrope.io.resize import target_size
from isotrope.ocr.adapter_names import Adapters, Given, one_adapter
from isotrope.ocr.engines.base import Transcript, required
from isotrope.ocr.engines.torch_device import torch_device
from isotrope.ocr.gsanet.cache import cached_export, export_folder, is_whole, sources_of
from isotrope.ocr.loading import shipped
from isotrope.ocr.processes import settle

if TYPE_CHECKING:
    from isotrope.ocr.engines.gsanet_onnx import OnnxRecognizer
    from isotrope.ocr.gsanet.recognizer import Recognizer

BEAMS = 4
"""Default beam width with an adapter."""

Runtime = Literal["auto", "torch", "onnx"]


@dataclass(frozen=True, eq=False)
class GSANet:
    """A `Recognizer` as an engine; it is equivariant and needs no finder.

    Args:
        recognizer: The model, in eval mode and on its device. Any object works that has
            `config.image_height`, `config.image_stride`, `config.max_ratio`, and `read(pixels: (B,
            3, h, w) in [0, 1])` returning a `Written`; if `beams` is not 1, it is passed as well.
        beams: As in `from_pretrained`.
        adapter: The name of the adapter it reads with. None: none.
        base: The model without any adapter. None: `recognizer`, with its adapter taken out.
        shipped: The shipped model that this is; None if it is another.

    Raises:
        ValueError: `beams` is below 1.
    """

    name = "gsanet"
    adapters_of = "recognizer"
    equivariant = True
    window = 16  # batches share one image size: in windows of 2, words take 15% longer
    recognizer: Recognizer | OnnxRecognizer
    beams: int | None = None
    adapter: str | None = None
    base: Recognizer | None = None
    shipped: str | None = None

    def __post_init__(self) -> None:
        if self.beams is not None and self.beams < 1:
            raise ValueError(f"beams={self.beams} must be 1 or more; 1 is greedy, 4 finds more")

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: Given = None,
        runtime: Runtime = "auto",
        beams: int | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> GSANet:
        """Load an engine from saved weights.

        Args:
            path: A folder written by `Recognizer.save_pretrained`. None: the shipped weights.
            adapter: A LoRA adapter, or a sum of several, as in `adapter_names`. None: none.
            runtime: "torch", or "onnx" for onnxruntime, which is faster on a CPU. With "onnx",
                `path` may be a folder written by `isotrope export`; other weights, with the adapter
                merged, are exported once, in half a minute, to the user's cache (`$XDG_CACHE_HOME`
                or `~/.cache`). "auto": onnx if an export exists, else torch; the texts are the
                same.
            beams: Beam width. 1 is greedy decoding, the fastest. None: 4 with an adapter, because
                its script is a hard one, and 1 without.
            threads: Number of threads for onnxruntime. None: torch's current number.
            device: "cpu", "cuda", "mps", or "auto", the fastest that torch sees. None: the CPU. All
                but the CPU need torch.

        Raises:
            ValueError: There is no recognizer at `path`, no matching adapter at `adapter`, or no
                such runtime or device.
            ModuleNotFoundError: `isotrope[torch]` or `isotrope[onnx]` is not installed.
        """
        for name in ("torch", "transformers"):
            required(name, cls.name, "pip install 'isotrope[torch]'")
        from isotrope.ocr.gsanet.loading import load_recognizer

        path = Path(path) if path is not None else shipped(cls.adapters_of)
        of = cls.adapters_of if path == shipped(cls.adapters_of) else None
        adapters = one_adapter(adapter, cls.adapters_of)
        place = torch_device(device)
        if place != "cpu" and runtime == "onnx":
            raise ValueError(f"device={device!r}: onnx runs gsanet on the CPU; use runtime='torch'")
        if place != "cpu" and runtime == "auto":
            runtime = "torch"
        if runtime not in get_args(Runtime):
            raise ValueError(f"runtime={runtime!r} is not known; use 'auto', 'torch' or 'onnx'")
        if (exported := _export(path, adapters, runtime)) is not None:
            name = None if adapters is None else adapters.name  # it is merged into the export
            return cls(_load_onnx(exported, threads), beams, name, shipped=of)
        loaded = load_recognizer(path)
        bare = cls(loaded if place == "cpu" else loaded.to(place), beams, shipped=of)  # pyright: ignore[reportArgumentType] # wrapped
        return bare if adapters is None else bare.with_adapter(adapters)

    def check(self, pixels: np.ndarray) -> None:
        """Reject an image under 2 px on a side, or longer than `config.max_ratio` times its height.

        Raises:
            ImageError: The image is rejected.
        """
        config = self.recognizer.config
        target_size(pixels.shape[:2], config.image_height, config.image_stride, config.max_ratio)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Transcript]:
        """Read lines in any orientation; images of one size share a batch. See `Engine.read`."""
        import torch

        from isotrope.data.images import prepare

        settle(torch)
        config = self.recognizer.config
        sizes = (config.image_height, config.image_stride, config.max_ratio)
        by_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for place, line in enumerate(lines):
            by_size[target_size(line.shape[:2], *sizes)].append(place)
        read: dict[int, Transcript] = {}
        for places in by_size.values():
            for start in range(0, len(places), batch_size):
                batch = places[start : start + batch_size]
                with torch.inference_mode():
                    pixels = torch.stack([prepare(_unit(lines[p]), *sizes) for p in batch])
                    read.update(zip(batch, self._read_batch(pixels), strict=True))
        return [read[place] for place in range(len(lines))]

    def with_adapter(self, adapter: Given) -> GSANet:
        """Return an engine with this adapter, or None for none, sharing the same weights.

        Args:
            adapter: As in `from_pretrained`.

        Raises:
            ValueError: The adapter does not exist or belongs to another model, or the engine runs
                on onnxruntime, where the adapter is part of the graph.
        """
        from torch import nn

        from isotrope.ocr.gsanet.loading import with_adapter

        base = self.base or self.recognizer
        if not isinstance(base, nn.Module):
            raise ValueError(
                "an engine on onnxruntime has its adapter merged for good; use runtime='torch'"
            )
        adapters = one_adapter(adapter, self.adapters_of)
        name = None if adapters is None else adapters.name
        return replace(self, recognizer=with_adapter(base, adapters), adapter=name, base=base)

    def _read_batch(self, pixels) -> list[Transcript]:
        beams = self._beams()
        followed = {} if beams == 1 else {"beams": beams}
        found = self.recognizer.read(
            pixels.to(getattr(self.recognizer, "device", "cpu")), **followed
        )
        return [
            Transcript(text, confidence, characters, orientation, adapter=self.adapter)
            for text, confidence, characters, orientation in zip(
                found.texts,
                found.confidences.tolist(),
                found.characters,
                found.orientations.tolist(),
                strict=True,
            )
        ]

    def _beams(self) -> int:
        """The beam width."""
        adapted = self.adapter is not None or hasattr(self.recognizer, "peft_config")
        return self.beams or (BEAMS if adapted else 1)


def _unit(line: np.ndarray):
    """Convert (H, W, 3) uint8 to (3, H, W) float32 in [0, 1]."""
    import torch

    return (
        torch.from_numpy(np.require(line, requirements=("C", "W"))).permute(2, 0, 1).float() / 255
    )


def _export(path: Path, adapters: Adapters | None, runtime: Runtime) -> Path | None:
    """The folder of the export to read with; None: read on torch."""
    from isotrope.ocr.gsanet.loading import load_recognizer

    if runtime == "torch":
        return None
    if (path / "encoder.onnx").is_file():
        if adapters is not None:
            raise ValueError(
                f"{path}: an exported model takes no adapter; give the weights that it was "
                "exported from, or export them with it"
            )
        return path
    sources = sources_of(path, adapters)
    if runtime == "onnx":
        return cached_export(sources, lambda: load_recognizer(path, adapters, merge=True))
    exported = export_folder(sources)
    return exported if is_whole(exported) else None


def _load_onnx(folder: Path, threads: int | None) -> OnnxRecognizer:
    import torch

    from isotrope.ocr.engines.gsanet_onnx import OnnxRecognizer

    return OnnxRecognizer(folder, threads or torch.get_num_threads())
