"""The reader: images in, text out, the same whichever way up they are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError

from isotrope.data.images import ImageError, ImageSource, load_image, prepare
from isotrope.ocr.reading import Reading

if TYPE_CHECKING:
    from peft import PeftModel

    from isotrope.models.recognizer import Recognizer
    from isotrope.ocr.onnx import OnnxRecognizer

# Prepared images held at once, in batches. More find more companions of their own size, and so
# fill their batches better; fewer give the first results sooner.
WINDOW = 16

SHIPPED = Path(__file__).parents[1] / "weights"
"""The weights that come with the package: `recognizer/`, and `adapters/NAME/`."""

BEAMS = 4
"""Texts that are followed side by side where an adapter acts, unless a reader is told how many."""

Runtime = Literal["auto", "torch", "onnx"]

_REMEDY = "give a folder saved by Recognizer.save_pretrained, or None for the shipped weights"


class Reader:
    """Reads words and lines, at any multiple of 90 degrees, in one pass.

    Args:
        recognizer: The model, in eval mode and on its device. Any object will do that has
            `config.image_height`, `config.image_stride`, `config.max_ratio`, and
            `read(pixels: (B, 3, h, w) in [0, 1])` returning B texts, their confidences (B,) and
            their orientations (B,), in degrees; with `beams` other than 1 it is given these too.
            None: the shipped one.
        runtime: What the shipped one runs on, as in `from_pretrained`.
        beams: As in `from_pretrained`.
    """

    def __init__(
        self,
        recognizer: Recognizer | OnnxRecognizer | None = None,
        runtime: Runtime = "auto",
        beams: int | None = None,
    ):
        if beams is not None and beams < 1:
            raise ValueError(f"beams={beams} must be 1 or more; 1 is greedy, 4 finds more")
        if recognizer is None:
            recognizer = _load(None, None, runtime)
        elif runtime != "auto":
            raise ValueError(
                f"runtime={runtime!r} goes with weights, not with a model in memory; "
                "use Reader.from_pretrained(path, runtime=...)"
            )
        self.recognizer, self.beams = recognizer, beams

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path | None = None,
        adapter: str | Path | None = None,
        runtime: Runtime = "auto",
        beams: int | None = None,
    ) -> Reader:
        """A reader from saved weights.

        Args:
            path: A folder made by `Recognizer.save_pretrained`. None: the shipped weights.
            adapter: A LoRA adapter: a folder, or the name of a shipped one. None: none.
            runtime: "torch", or "onnx": onnxruntime, faster on a CPU, on as many threads as torch
                has now. There `path` may be a folder that `isotrope export` wrote; other weights,
                with their adapter merged, are exported once, in half a minute, to the user's
                cache (`$XDG_CACHE_HOME` or `~/.cache`). "auto": onnx where that has been done,
                torch otherwise; the texts are the same.
            beams: Texts of each image that are followed side by side, of which the likeliest is
                given. 1: greedily, which is fastest. None: 4 where an adapter acts, as its script
                is a hard one, and 1 without.

        Raises:
            ValueError: There is no recogniser at `path`, or no adapter for it at `adapter`, or
                no such runtime.
            ModuleNotFoundError: `isotrope[onnx]` is not installed.
        """
        reader = cls(_load(path, adapter, runtime), beams=beams)
        if beams is None and adapter is not None and not reader._on_torch:
            reader.beams = BEAMS  # of an adapter that is merged nothing can be seen
        return reader

    def load_adapter(self, adapter: str | Path, name: str | None = None) -> None:
        """Add one more LoRA adapter, and read with it from now on.

        Args:
            adapter: As in `from_pretrained`.
            name: What `switch` will know it by. None: the last part of `adapter`, `.` as `_`; a
                name that a torch module has already, such as "train", gets a `_` at its end.

        Raises:
            ValueError: No such adapter, one for another model, a name that is taken, or a reader
                on onnxruntime, where adapters are fixed.
        """
        self._must_be_torch()
        self.recognizer = _adapted(self.recognizer, adapter, name)

    def switch(self, name: str | None) -> None:
        """Read with another of the loaded adapters from now on, or with None: without any.

        Raises:
            ValueError: No adapter of this name is loaded, or the reader is on onnxruntime.
        """
        self._must_be_torch()
        from isotrope.lora import switch_adapter

        switch_adapter(self.recognizer, name)

    @property
    def _on_torch(self) -> bool:
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
                "a reader on onnxruntime has its adapter merged for good; "
                "use Reader.from_pretrained(..., runtime='torch')"
            )

    def read(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = 32,
        on_error: Literal["raise", "return"] = "raise",
    ) -> list[Reading | ImageError]:
        """Read one image or many.

        Args:
            images: One image, or an iterable of images, of any kind that `load_image` takes.
            batch_size: How many images of one size go through the model at once.
            on_error: What becomes of an image that cannot be read. "raise": its `ImageError` is
                raised and nothing is returned. "return": its `ImageError` stands in its place
                in the list, and the others are read.

        Returns:
            One `Reading` for each image, in their order.

        Raises:
            ImageError: An image cannot be read; it names the file, or the place in `images`.
        """
        return list(self.stream(images, batch_size, on_error))

    def stream(
        self,
        images: ImageSource | Iterable[ImageSource],
        batch_size: int = 32,
        on_error: Literal["raise", "return"] = "raise",
        turns: Sequence[int] = (0,),
    ) -> Iterator[Reading | ImageError]:
        """`read`, one result at a time, in bounded memory however many images there are.

        Args:
            images, batch_size, on_error: As in `read`.
            turns: Degrees counter-clockwise, multiples of 90: each image is turned (exactly)
                by each of them and read anew.

        Yields:
            The results of the first image at each of `turns`, then of the second, and so on.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        if on_error not in ("raise", "return"):
            raise ValueError(f"on_error={on_error!r} must be 'raise' or 'return'")
        if any(turn % 90 for turn in turns):
            raise ValueError(f"turns={tuple(turns)} must be multiples of 90 degrees")
        return self._stream(images, batch_size, on_error, turns)

    def _stream(self, images, batch_size, on_error, turns) -> Iterator[Reading | ImageError]:
        prepared = self._prepared(images, turns)
        if on_error == "raise":
            prepared = map(_raised, prepared)
        while window := list(islice(prepared, WINDOW * batch_size)):
            yield from self._read_window(window, batch_size)

    def _prepared(self, images, turns: Sequence[int]) -> Iterator[torch.Tensor | ImageError]:
        """Each image at each turn, of the size the recogniser takes; an error in its place."""
        config = self.recognizer.config
        single = isinstance(images, (str, Path, Image.Image, np.ndarray, torch.Tensor))
        for index, source in enumerate([images] if single else images):
            try:
                image = _loaded(source)
                yield from [
                    prepare(
                        torch.rot90(image, turn // 90, (-2, -1)),
                        config.image_height,
                        config.image_stride,
                        config.max_ratio,
                    )
                    for turn in turns
                ]
            except ImageError as error:
                path = isinstance(source, (str, Path))
                name = str(source) if path else f"images[{index}]"
                yield from [error.named(name)] * len(turns)

    def _read_window(
        self, window: list[torch.Tensor | ImageError], batch_size: int
    ) -> list[Reading | ImageError]:
        """Read images of like size together; results in the order of `window`."""
        results = list(window)
        by_size = defaultdict(list)
        for place, image in enumerate(window):
            if not isinstance(image, ImageError):
                by_size[image.shape].append(place)
        for places in by_size.values():
            for start in range(0, len(places), batch_size):
                batch = places[start : start + batch_size]
                readings = self._read_batch([window[place] for place in batch])
                for place, reading in zip(batch, readings, strict=True):
                    results[place] = reading
        return results

    @torch.inference_mode()
    def _read_batch(self, images: list[torch.Tensor]) -> list[Reading]:
        pixels = torch.stack(images).to(getattr(self.recognizer, "device", "cpu"))
        beams = self._beams()
        followed = {} if beams == 1 else {"beams": beams}
        texts, confidences, orientations = self.recognizer.read(pixels, **followed)
        return [
            Reading(text, confidence, orientation)
            for text, confidence, orientation in zip(
                texts, confidences.tolist(), orientations.tolist(), strict=True
            )
        ]


def _loaded(source: ImageSource) -> torch.Tensor:
    """`load_image`, for which something that is no image at all is one more bad image."""
    try:
        return load_image(source)
    except TypeError as error:
        raise ImageError(str(error)) from error


def _raised(image: torch.Tensor | ImageError) -> torch.Tensor:
    if isinstance(image, ImageError):
        raise image
    return image


def _load(
    path: str | Path | None, adapter: str | Path | None, runtime: Runtime
) -> Recognizer | OnnxRecognizer:
    path = Path(path) if path is not None else SHIPPED / "recognizer"
    if runtime == "auto":
        return _load_auto(path, adapter)
    if runtime == "torch":
        return load_torch(path, adapter)
    if runtime == "onnx":
        return _load_onnx(path, adapter)
    raise ValueError(f"runtime={runtime!r} is not known; use 'auto', 'torch' or 'onnx'")


def load_torch(
    path: Path | None = None, adapter: str | Path | None = None, merge: bool = False
) -> Recognizer:
    """A recogniser in eval mode; a `PeftModel` of one with an adapter, unless `merge` puts that in.

    Args:
        path, adapter: As in `Reader.from_pretrained`.
    """
    recognizer = _load_recognizer(path or SHIPPED / "recognizer")
    if adapter is not None:
        recognizer = _adapted(recognizer, adapter)
        recognizer = recognizer.merge_and_unload() if merge else recognizer
    return recognizer.eval()


def source_folders(path: Path | None, adapter: str | Path | None) -> list[Path]:
    """The folders whose files make a recogniser: of its weights, and of its adapter."""
    weights = path or SHIPPED / "recognizer"
    return [weights] if adapter is None else [weights, adapter_folder(adapter)]


def _load_auto(path: Path, adapter: str | Path | None) -> Recognizer | OnnxRecognizer:
    """On onnxruntime where it and graphs of these weights are there, on torch elsewhere."""
    if find_spec("onnxruntime") is None:
        return load_torch(path, adapter)
    if (path / "encoder.onnx").is_file():
        return _load_onnx(path, adapter)
    from isotrope.ocr.onnx import export_folder

    exported = export_folder(source_folders(path, adapter))
    if (exported / "config.json").is_file():  # the adapter is merged in it
        return _load_onnx(exported, None)
    return load_torch(path, adapter)


def _load_onnx(path: Path, adapter: str | Path | None) -> OnnxRecognizer:
    from isotrope.ocr.onnx import OnnxRecognizer, cached_export

    if not (path / "encoder.onnx").is_file():
        sources = source_folders(path, adapter)
        exported = cached_export(sources, lambda: load_torch(path, adapter, merge=True))
        return OnnxRecognizer(exported, torch.get_num_threads())
    if adapter is not None:
        raise ValueError(
            f"{path}: an exported model takes no adapter; give the weights that it was exported "
            "from, or export them with it"
        )
    return OnnxRecognizer(path, torch.get_num_threads())


def _load_recognizer(path: Path) -> Recognizer:
    config = path / "config.json"
    if not config.is_file():
        raise ValueError(f"{path}: no recogniser here (config.json is missing); {_REMEDY}")
    try:
        architectures = json.loads(config.read_text(encoding="utf-8")).get("architectures")
        fits = "Recognizer" in (architectures or [])
    except (ValueError, AttributeError, TypeError):  # No JSON, or JSON of another shape.
        fits = False
    if not fits:
        exported = (path / "encoder.onnx").is_file()
        remedy = "it is an export, for runtime='onnx' alone" if exported else _REMEDY
        raise ValueError(f"{path}: its config.json is not that of a Recognizer; {remedy}")

    from isotrope.models.recognizer import Recognizer

    try:
        # Tensors of another shape are reported below by name, and not by a mere refusal.
        recognizer, report = Recognizer.from_pretrained(
            path, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{path}: its weights cannot be loaded ({reason}); {_REMEDY}") from error
    except Exception as error:  # A broken config fails wherever its values are first used.
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise ValueError(f"{path}: its config.json is broken ({reason}); {_REMEDY}") from error
    if problem := _misfits(report):
        raise ValueError(f"{path}: its weights do not fit its config.json ({problem}); {_REMEDY}")
    return recognizer


def _misfits(report: dict, most: int = 3) -> str:
    """The tensors that loading left out, a few of each kind by name; empty where all fit."""
    kinds = {
        "missing": report["missing_keys"],
        "unexpected": report["unexpected_keys"],
        "of another shape": (key for key, *_ in report["mismatched_keys"]),
    }
    problems = []
    for kind, keys in kinds.items():
        if names := sorted(keys):
            more = f" and {len(names) - most} more" if len(names) > most else ""
            problems.append(f"{kind}: {', '.join(names[:most])}{more}")
    return "; ".join(problems)


def adapter_folder(adapter: str | Path) -> Path:
    """Of an adapter, given by its folder or by the name of a shipped one."""
    shipped = SHIPPED / "adapters"
    for place in (Path(adapter), shipped / adapter):
        if (place / "adapter_config.json").is_file():
            return place
    names = ", ".join(sorted(path.parent.name for path in shipped.glob("*/adapter_config.json")))
    raise ValueError(
        f"{adapter}: no such adapter (there is no {Path(adapter) / 'adapter_config.json'}); give "
        f"a folder that `isotrope adapt` wrote, or a shipped one's name: {names or 'none'}"
    )


def _adapted(
    recognizer: Recognizer | PeftModel, adapter: str | Path, name: str | None = None
) -> PeftModel:
    """The same recogniser, its layers wrapped by one more LoRA adapter's."""
    from isotrope.lora import load_adapter

    if name is None:  # peft keeps adapters as modules of a ModuleDict, by name
        name = Path(adapter).resolve().name.replace(".", "_")
        name += "_" if hasattr(torch.nn.ModuleDict(), name) else ""
    return load_adapter(recognizer, adapter_folder(adapter), name)
