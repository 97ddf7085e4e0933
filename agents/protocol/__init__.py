"""How a model is spoken to: by native tool calls, or by text."""
