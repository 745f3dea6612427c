"""Hands an institution of a simulated network over to a system of the tester's own, whatever it is written in (docs/ONBOARD.md)."""

from warifu.simulator.onboarding.handover import Handed, hand_over
from warifu.simulator.onboarding.orders import Onboarded, OnboardError, check, free_address, move, onboarded

__all__ = ["Handed", "OnboardError", "Onboarded", "check", "free_address", "hand_over", "move", "onboarded"]
