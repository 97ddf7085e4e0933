"""Evaluation: data sets, metrics, statistics, benchmarks."""
