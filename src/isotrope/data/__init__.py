"""Data: what is read from disk, and what is drawn (fonts, lexicon, synthetic text)."""
