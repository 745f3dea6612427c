"""Business systems of agencies, each behind its interim server. What they share is here; what is particular to a kind is a folder."""
