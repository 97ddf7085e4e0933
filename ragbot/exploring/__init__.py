"""What a knowledge base can tell beyond answers: documents alike, duplicates, topics with a map, and summaries."""
