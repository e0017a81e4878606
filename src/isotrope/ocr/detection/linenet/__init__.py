"""The equivariant detector: `LineNet`, its graph, and lines from its maps."""
