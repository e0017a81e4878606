"""The papers' reader: a TrOCR with an equivariant encoder, [LoRA-GSA], on torch or onnxruntime."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from isotrope.io.resize import target_size
from isotrope.ocr.engines.base import Line, required
from isotrope.ocr.engines.torch_device import torch_device
from isotrope.ocr.loading import (
    SHIPPED,
    adapted,
    cached_export,
    export_folder,
    load_torch,
    source_folders,
)

if TYPE_CHECKING:
    from isotrope.ocr.engines.gsanet_onnx import OnnxRecognizer
    from isotrope.ocr.gsanet.recognizer import Recognizer

BEAMS = 4
"""Texts that are followed side by side where an adapter acts, unless the caller says how many."""

Runtime = Literal["auto", "torch", "onnx"]


class GSANet:
    """A `Recognizer`, which is equivariant itself and needs no finder.

    Args:
        recognizer: The model, in eval mode and on its device. Any object will do that has
            `config.image_height`, `config.image_stride`, `config.max_ratio`, and
            `read(pixels: (B, 3, h, w) in [0, 1])` returning B texts, their confidences (B,) and
            their orientations (B,), in degrees; with `beams` other than 1 it is given these too.
        beams: As in `from_pretrained`.

    Raises:
        ValueError: `beams` is below 1.
    """

    name = "gsanet"
    equivariant = True

    def __init__(self, recognizer: Recognizer | OnnxRecognizer, beams: int | None = None) -> None:
        if beams is not None and beams < 1:
            raise ValueError(f"beams={beams} must be 1 or more; 1 is greedy, 4 finds more")
        self.recognizer, self.beams = recognizer, beams

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: str | Path | None = None,
        runtime: Runtime = "auto",
        beams: int | None = None,
        threads: int | None = None,
        device: str | None = None,
    ) -> GSANet:
        """An engine from saved weights.

        Args:
            path: A folder made by `Recognizer.save_pretrained`. None: the shipped weights.
            adapter: A LoRA adapter: a folder, or the name of a shipped one. None: none.
            runtime: "torch", or "onnx": onnxruntime, faster on a CPU. There `path` may be a folder
                that `isotrope export` wrote; other weights, with their adapter merged, are exported
                once, in half a minute, to the user's cache (`$XDG_CACHE_HOME` or `~/.cache`).
                "auto": onnx where that has been done, torch otherwise; the texts are the same.
            beams: Texts of each image that are followed side by side, of which the likeliest is
                given. 1: greedily, which is fastest. None: 4 where an adapter acts, as its script
                is a hard one, and 1 without.
            threads: Of onnxruntime. None: as many as torch has now.
            device: "cpu", "cuda", "mps", or "auto", the fastest that torch sees. None: the CPU. Any
                other than the CPU needs torch.

        Raises:
            ValueError: There is no recognizer at `path`, or no adapter for it at `adapter`, or
                no such runtime or device.
            ModuleNotFoundError: `isotrope[torch]` or `isotrope[onnx]` is not installed.
        """
        for name in ("torch", "transformers"):
            required(name, cls.name, "pip install 'isotrope[torch]'")
        path = Path(path) if path is not None else SHIPPED / "recognizer"
        place = torch_device(device)
        if place != "cpu" and runtime == "onnx":
            raise ValueError(f"device={device!r}: onnx runs gsanet on the CPU; use runtime='torch'")
        if place != "cpu" and runtime == "auto":
            runtime = "torch"
        recognizer = _load(path, adapter, runtime, threads)
        engine = cls(recognizer if place == "cpu" else recognizer.to(place), beams)
        if beams is None and adapter is not None and not engine._on_torch:
            engine.beams = BEAMS  # a merged adapter leaves no trace in the graph
        return engine

    def check(self, pixels: np.ndarray) -> None:
        """Refuse an image under 2 px on a side, or longer than `config.max_ratio` of its height.

        Raises:
            ImageError: It is refused.
        """
        config = self.recognizer.config
        target_size(pixels.shape[:2], config.image_height, config.image_stride, config.max_ratio)

    def read(self, lines: Sequence[np.ndarray], batch_size: int = 32) -> list[Line]:
        """As `Engine.read`, whichever way up the lines are; images of one size share a batch."""
        import torch

        from isotrope.data.images import prepare

        config = self.recognizer.config
        sizes = (config.image_height, config.image_stride, config.max_ratio)
        by_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for place, line in enumerate(lines):
            by_size[target_size(line.shape[:2], *sizes)].append(place)
        read: dict[int, Line] = {}
        for places in by_size.values():
            for start in range(0, len(places), batch_size):
                batch = places[start : start + batch_size]
                with torch.inference_mode():
                    pixels = torch.stack([prepare(_unit(lines[p]), *sizes) for p in batch])
                    read.update(zip(batch, self._read_batch(pixels), strict=True))
        return [read[place] for place in range(len(lines))]

    def load_adapter(self, adapter: str | Path, name: str | None = None) -> None:
        """Add one more LoRA adapter, and read with it from now on.

        Args:
            adapter: As in `from_pretrained`.
            name: What `switch` will know it by. None: the last part of `adapter`, `.` as `_`; a
                name that a torch module has already, such as "train", gets a `_` at its end.

        Raises:
            ValueError: No such adapter, one for another model, a name that is taken, or an engine
                on onnxruntime, where adapters are fixed.
        """
        self._must_be_torch()
        self.recognizer = adapted(self.recognizer, adapter, name)

    def switch(self, name: str | None) -> None:
        """Read with another of the loaded adapters from now on, or with None: without any.

        Raises:
            ValueError: No adapter of this name is loaded, or the engine is on onnxruntime.
        """
        self._must_be_torch()
        from isotrope.lora import switch_adapter

        switch_adapter(self.recognizer, name)

    def _read_batch(self, pixels) -> list[Line]:
        beams = self._beams()
        followed = {} if beams == 1 else {"beams": beams}
        texts, confidences, orientations = self.recognizer.read(
            pixels.to(getattr(self.recognizer, "device", "cpu")), **followed
        )
        return [
            Line(text, confidence, (), orientation)
            for text, confidence, orientation in zip(
                texts, confidences.tolist(), orientations.tolist(), strict=True
            )
        ]

    @property
    def _on_torch(self) -> bool:
        import torch

        return isinstance(self.recognizer, torch.nn.Module)

    def _beams(self) -> int:
        """How many texts of an image are followed now."""
        if self.beams is not None:
            return self.beams
        if not hasattr(self.recognizer, "peft_config"):  # no adapter was ever here
            return 1
        from isotrope.lora import active_adapter

        return 1 if active_adapter(self.recognizer) is None else BEAMS

    def _must_be_torch(self) -> None:
        if not self._on_torch:
            raise ValueError(
                "an engine on onnxruntime has its adapter merged for good; use runtime='torch'"
            )


def _unit(line: np.ndarray):
    """(H, W, 3) uint8 as (3, H, W) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(line)).permute(2, 0, 1).float() / 255


def _load(
    path: Path, adapter: str | Path | None, runtime: Runtime, threads: int | None
) -> Recognizer | OnnxRecognizer:
    if runtime == "torch":
        return load_torch(path, adapter)
    if runtime == "onnx":
        return _load_onnx(path, adapter, threads)
    if runtime != "auto":
        raise ValueError(f"runtime={runtime!r} is not known; use 'auto', 'torch' or 'onnx'")
    if (path / "encoder.onnx").is_file():
        return _load_onnx(path, adapter, threads)
    exported = export_folder(source_folders(path, adapter))
    if (exported / "config.json").is_file():  # the adapter is merged in it
        return _load_onnx(exported, None, threads)
    return load_torch(path, adapter)


def _load_onnx(path: Path, adapter: str | Path | None, threads: int | None) -> OnnxRecognizer:
    import torch

    from isotrope.ocr.engines.gsanet_onnx import OnnxRecognizer

    threads = threads or torch.get_num_threads()
    if not (path / "encoder.onnx").is_file():
        sources = source_folders(path, adapter)
        exported = cached_export(sources, lambda: load_torch(path, adapter, merge=True))
        return OnnxRecognizer(exported, threads)
    if adapter is not None:
        raise ValueError(
            f"{path}: an exported model takes no adapter; give the weights that it was exported "
            "from, or export them with it"
        )
    return OnnxRecognizer(path, threads)
