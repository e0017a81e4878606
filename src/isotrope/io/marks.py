"""How isotrope's own texts are known again after a person's programs have rewritten their file."""

LINE = "isotrope_"
"""How the ids begin that isotrope gives to lines; editors keep the ids of imported lines."""
