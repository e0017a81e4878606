"""Text that is typeset and painted: endless labelled words and lines to learn from."""
