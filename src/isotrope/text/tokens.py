"""The special tokens of a decoder; the characters of its charset follow them."""

BOS, PAD, EOS = 0, 1, 2
"""Begin, padding and end: the numbers of RoBERTa, and so of the published TrOCR checkpoints."""

SPECIAL = 3
"""The token of the charset's first character."""
