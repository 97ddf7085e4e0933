"""Services on the network: asked within bounds, and what to say where they fail."""
