"""The tasks that the engine trains, and their recipes."""
