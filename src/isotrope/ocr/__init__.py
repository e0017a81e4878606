"""Reading text: the reader, what it returns, how that is written out and measured."""
