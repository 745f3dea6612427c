"""Visitors at the counter: number check and identity proofing, both, before anything else."""
