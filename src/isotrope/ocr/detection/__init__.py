"""Detection: from the image of a page to its lines."""
