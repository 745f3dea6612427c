"""The help line: a card is suspended without a login, at any hour, by its holder or by whoever found it."""
