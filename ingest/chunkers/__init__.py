"""Chunkers, one file a strategy; the contract is in :mod:`ingest.chunkers.base`."""
