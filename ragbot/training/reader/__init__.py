"""Training of the bundled reader: contexts as the search returns them, answers with their passage, and refusals."""
