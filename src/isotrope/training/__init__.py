"""Training loops, on Lightning Fabric: one for recognition."""
