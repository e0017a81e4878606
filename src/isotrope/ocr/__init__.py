"""Read text: the reader, its results, and their output formats."""
