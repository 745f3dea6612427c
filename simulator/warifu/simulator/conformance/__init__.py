"""Does an interim server keep the protocol as a provider: the numbered requirements of docs/PROTOCOL.md, asked of one that runs.

A folder is prepared (`prepare`), the provider is configured with its part of it, and then a gateway that we hold the keys of asks (`bench`, `run`).
"""

from warifu.simulator.conformance.bench import Asked, Bench, Target
from warifu.simulator.conformance.folder import ConformanceError, copies, prepare, prepared
from warifu.simulator.conformance.network import opened
from warifu.simulator.conformance.report import html, junit
from warifu.simulator.conformance.requirements import REQUIREMENTS, Requirement, chosen
from warifu.simulator.conformance.run import Result, check, check_all

__all__ = [
    "REQUIREMENTS",
    "Asked",
    "Bench",
    "ConformanceError",
    "Requirement",
    "Result",
    "Target",
    "check",
    "check_all",
    "chosen",
    "copies",
    "html",
    "junit",
    "opened",
    "prepare",
    "prepared",
]
