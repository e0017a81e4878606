"""Train a translator on the columns of a frozen recognizer."""
