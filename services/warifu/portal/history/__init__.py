"""The history: who asked whom about the person, for what and why, as pages and as JSON over one query layer."""
