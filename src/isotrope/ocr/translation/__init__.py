"""Translate lines: from the recognizer's columns to a text in another language."""
