"""Reading an upright line: image to text."""
