"""Models built from the layers of `isotrope.nn`: config, backbone, heads, presets, saving."""
