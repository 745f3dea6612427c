"""Brings a whole network up on this machine: folders, certificates, databases, processes, people."""

from warifu.simulator.launcher.network import Network
from warifu.simulator.launcher.options import Options

__all__ = ["Network", "Options"]
