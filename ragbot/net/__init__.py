"""What the layers above share about the network."""
