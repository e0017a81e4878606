"""Synthetic text, typeset and painted: endless labeled words and lines for training."""
