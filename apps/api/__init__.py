"""The server: OpenAI-compatible routes, knowledge bases, the agent."""
