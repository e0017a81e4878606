"""Find which way is up: the equivariant front end of the reader."""
