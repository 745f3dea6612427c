"""The whole network; its fixture `network` is in the conftest of all tests, since walks in a browser share it."""

from running import Running, start, stop

__all__ = ["Running", "start", "stop"]
