"""Strings: the alphabet, how labels are written, and error rates. Never needs torch."""
