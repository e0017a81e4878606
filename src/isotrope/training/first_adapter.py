"""Which shipped adapter to start from: the one that reads the given lines best."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from isotrope.data.lines import LabeledLines
from isotrope.io.images import ImageError
from isotrope.lora import load_adapter, switch_adapter
from isotrope.ocr.loading import adapters_of
from isotrope.ocr.recognition.store import load_model
from isotrope.text.metrics import cer
from isotrope.training.line_sets import evenly
from isotrope.training.mix import WIDEST, LineSample
from isotrope.training.tasks.adaptation import line_forms, read_forms

if TYPE_CHECKING:
    from isotrope.ocr.recognition.model import LineRecognizer

MOST = 32
"""Most lines to read, evenly spread."""

BETTER = 0.95
"""Most errors of an adapter to start from, as a share of those of the recognizer alone."""


def first_adapter(base: Path, lines: LabeledLines) -> Path | None:
    """The adapter in the folder of a recognizer that reads lines with clearly the fewest errors.

    Args:
        base: The folder of the recognizer, with its adapters in `adapters`.
        lines: Labeled lines; those that cannot be opened are left out.

    Returns:
        The folder of the adapter; None if the recognizer alone reads them about as well.
    """
    folders = adapters_of(base)
    samples = _samples(lines) if folders else []
    if not samples:
        return None
    truth = [forms[0].text for forms in samples]
    model = load_model(base)
    best, fewest = None, BETTER * cer(read_forms(model, samples), truth)
    for folder in folders:
        adapted = load_adapter(model, folder, folder.name)
        switch_adapter(adapted, folder.name)
        rate = cer(read_forms(cast("LineRecognizer", adapted), samples), truth)
        if rate < fewest:
            best, fewest = folder, rate
        adapted.unload()
    return best


def _samples(lines: LabeledLines) -> list[list[LineSample]]:
    samples = []
    for number in evenly(len(lines), MOST):
        try:
            image, text = lines[number]
        except (ValueError, ImageError):
            continue
        forms = line_forms(image, text)
        if text and forms[0].extent <= WIDEST:
            samples.append(forms)
    return samples
