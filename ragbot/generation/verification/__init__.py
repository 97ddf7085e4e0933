"""Whether what an answer says stands in the passages that it was made from."""
