"""The ReAct agent and its tools."""
