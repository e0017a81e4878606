"""Data sets read from disk, and synthetic text (fonts, lexicon, rendering)."""
