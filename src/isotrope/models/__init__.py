"""Models on the layers of `isotrope.nn`: config, backbone, heads, presets and saving."""
