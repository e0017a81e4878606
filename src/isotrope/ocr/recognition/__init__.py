"""Read upright lines: image to text."""
