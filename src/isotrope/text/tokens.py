"""Special tokens of a decoder, numbered before the characters of its charset."""

BOS, PAD, EOS = 0, 1, 2
"""Begin, padding and end, numbered as in RoBERTa and so in the published TrOCR checkpoints."""

SPECIAL = 3
"""The token of the charset's first character."""
