"""The simulated surroundings of the network: population, cards, clock, launcher, scenarios."""
