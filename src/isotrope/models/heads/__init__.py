"""Heads on the backbone, from features to predictions: classes, maps, objects."""

from isotrope.models.heads.classify import ClassHead
from isotrope.models.heads.decode import Decoder
from isotrope.models.heads.detect import DetectHead, Objects, OrientedMaps
from isotrope.models.heads.segment import SegmentHead

__all__ = ["ClassHead", "Decoder", "DetectHead", "Objects", "OrientedMaps", "SegmentHead"]
