"""The picture of one exchange: what each party holds at each step, drawn from the bytes that the parties' `view` gives and from nothing else."""

from warifu.simulator.stage.picture.draw import draw
from warifu.simulator.stage.picture.model import STEPS, Kind, Picture, Role, State

__all__ = ["STEPS", "Kind", "Picture", "Role", "State", "draw"]
