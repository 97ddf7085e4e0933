"""Pictures whose text is recognised."""
