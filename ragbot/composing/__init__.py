"""Parts of :class:`ragbot.RagBot`, each a base class of its own."""
