"""Whole pages, drawn with the outlines and baselines of their lines."""

from isotrope.data.synthetic.pages.renderer import SyntheticPages

__all__ = ["SyntheticPages"]
