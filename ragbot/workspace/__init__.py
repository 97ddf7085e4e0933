"""What belongs to people and not to a knowledge base: their conversations, and what they thought of the answers."""
