"""A seeded, fictional population with seven years of life behind it."""
