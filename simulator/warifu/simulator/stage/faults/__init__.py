"""Faults on the stage: which are planted where, and planting and lifting them."""
