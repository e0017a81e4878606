"""Input size and classes of the line recognizer, shared by torch and numpy code."""

HEIGHT = 48
"""Height of a line, px."""

STRIDE = 8
"""Width of one output column, px."""

BLANK = 0
"""The class of CTC's blank; class `i + 1` is character `i` of the charset."""

MODEL_TYPE, ARCHITECTURE = "isotrope_line_recognizer", "LineRecognizerForCTC"
"""What transformers calls the model in `config.json`."""
