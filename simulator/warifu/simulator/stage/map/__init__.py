"""The network as a live map: its parties, whether each is well, and the newest exchanges with the way into their pictures."""

from warifu.simulator.stage.map.live import Live
from warifu.simulator.stage.map.views import MapViews

__all__ = ["Live", "MapViews"]
