"""Bytes, pixels and files: writing, images, sizes, tars, transcripts. Never needs torch."""
