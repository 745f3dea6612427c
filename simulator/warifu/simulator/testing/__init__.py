"""The kit: a network to test agency systems against (docs/KIT.md)."""
