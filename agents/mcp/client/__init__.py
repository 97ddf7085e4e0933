"""Tools of MCP servers as tools of the agent.

The official client is used as it is. langchain-mcp-adapters makes tools that can only be awaited and, without a session
of the caller's, starts a server for each call; here a server runs as long as the tools are open, is started anew when it
has crashed, and what it says is bounded.
"""
