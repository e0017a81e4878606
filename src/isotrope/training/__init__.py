"""Training on Lightning Fabric: one engine, recipes, and a task for each kind of model."""
