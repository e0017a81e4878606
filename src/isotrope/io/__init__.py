"""Bytes and pixels: files, images, sizes. Needs numpy and Pillow, never torch."""
