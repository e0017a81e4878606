"""Model folders whose weights serve both torch and, through a graph, onnxruntime."""
