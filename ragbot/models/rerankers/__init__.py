"""Rerankers: a file for each backend, on the contract in :mod:`ragbot.models.rerankers.base`."""
