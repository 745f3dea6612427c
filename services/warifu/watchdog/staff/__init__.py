"""The supervisor's staff: accounts, roles, sessions, and a diary of what they do."""
