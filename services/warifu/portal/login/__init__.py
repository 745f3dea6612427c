"""Logging in with a card: challenge, proof, and the pages on the way."""
