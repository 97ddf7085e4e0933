"""Benchmarks: one command each, run by hand; figures in docs/measurements.md."""
