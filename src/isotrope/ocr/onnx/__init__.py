"""A model's folder: its weights once, for torch and, by a graph beside them, for onnxruntime."""
