"""The base of an adapter decides how it is trained."""

from __future__ import annotations

from pathlib import Path

from isotrope.ocr.loading import adapted_engine, shipped
from isotrope.training.tasks.adaptation_recipe import AdaptationRecipe, LineAdaptationRecipe
from isotrope.training.tasks.sequence_adaptation_recipe import SequenceAdaptationRecipe
from isotrope.training.tasks.trocr_recipe import TrOCRAdaptationRecipe

_KINDS = (LineAdaptationRecipe, SequenceAdaptationRecipe, TrOCRAdaptationRecipe)


def recipe_kind(base: Path | None) -> type[AdaptationRecipe]:
    """The recipe for adapters of the model in a folder; None: of the shipped one."""
    engine = adapted_engine(base)
    return next(kind for kind in _KINDS if kind.engine == engine)


def reading_options(base: Path | None, engine: str) -> str:
    """The options of `isotrope read` that name this base, with a space behind each."""
    options = "" if engine == "isotrope" else f"--engine {engine} "
    if base is None or base == shipped("small") or base == shipped("recognizer"):
        return options
    if base == shipped("tiny"):
        return "--model tiny "
    return f"{options}--weights {base} "
