"""Chat models, one file a backend, each a LangChain ``BaseChatModel``."""
