"""Models: `EquivariantViT`, and the `Recognizer` with its charset."""
