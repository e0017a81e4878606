"""Detection by a map of text (DB, Liao et al. 2020), with PP-OCRv6's published network."""
