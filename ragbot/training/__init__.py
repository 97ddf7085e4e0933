"""Training of ragbot's own small models: data builders, and one trainer each."""
