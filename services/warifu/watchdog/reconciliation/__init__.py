"""Reconciliation: the audit of the whole network, run from the console, with what it came to."""
