"""Heads on the backbone, from features to predictions: classes, maps, objects."""

from isotrope.models.heads.classify import ClassHead
from isotrope.models.heads.segment import SegmentHead

__all__ = ["ClassHead", "SegmentHead"]
