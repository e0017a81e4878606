"""Models: `EquivariantViT`, and the `Recognizer`."""
