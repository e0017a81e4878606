"""Correct and learn: which lines a person should correct first."""
