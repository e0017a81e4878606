"""Reading text: the reader, what it returns, and how that is written out."""
