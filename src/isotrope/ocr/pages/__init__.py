"""From the pixels of a page to its text: upright, lines found, cut out, read, put in order."""
