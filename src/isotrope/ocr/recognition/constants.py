"""What pixels the line recognizer takes and what its classes are; shared by torch and numpy."""

HEIGHT = 48
"""Pixels that a line is high."""

STRIDE = 8
"""Pixels of width that make one column."""

BLANK = 0
"""The class of CTC's blank; class `i + 1` is character `i` of the charset."""
