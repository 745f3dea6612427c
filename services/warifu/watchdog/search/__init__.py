"""Searching the records at the gateway: by institution, procedure, period, outcome; never by person."""
