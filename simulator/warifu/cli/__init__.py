"""warifu."""
