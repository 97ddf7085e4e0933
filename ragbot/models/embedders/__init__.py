"""Embedders, one file a backend; the contract is in :mod:`ragbot.models.embedders.base`."""
