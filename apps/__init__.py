"""What people open: thin, with no logic of its own."""
