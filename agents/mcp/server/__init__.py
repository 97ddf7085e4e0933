"""ragbot as an MCP server: search, answers with citations, documents to read, and, where it is allowed, to bring in."""
