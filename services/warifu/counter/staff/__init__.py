"""The counter's staff: roles and rights, duty hours, accounts, sessions."""
