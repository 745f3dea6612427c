"""A new individual number at a residency counter, for somebody whose number leaked."""
