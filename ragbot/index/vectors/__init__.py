"""Vector indexes, one file a backend; the contract is in :mod:`ragbot.index.vectors.base`."""
