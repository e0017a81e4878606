"""What the engine trains: one task a file."""
