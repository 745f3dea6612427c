"""The people of the network as a trainer needs them: found by name or role, led to their card, printed as a visitor's slip."""
