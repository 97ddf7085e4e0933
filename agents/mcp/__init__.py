"""The Model Context Protocol (https://modelcontextprotocol.io): others' tools for the agent, and ragbot for others."""
