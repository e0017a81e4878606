"""Which way is up: the equivariant front of the reader."""
