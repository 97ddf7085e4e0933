"""Tools, one file each, each a LangChain ``BaseTool``."""
