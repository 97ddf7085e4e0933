"""Metrics, one file a family; each gives the mean and the value per question."""
