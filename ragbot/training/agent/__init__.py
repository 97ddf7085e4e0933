"""A tool-use adapter: runs of the agent over generated tasks, and the training on the replies in them."""
