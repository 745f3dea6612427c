"""Does an interim server keep the protocol as a provider or a requester, and a business system what docs/BUSINESS.md asks: numbered requirements, tried on one that runs.

A folder is prepared (`prepare`), the provider is configured with its part of it, and then a gateway that we hold the keys of asks (`bench`, `run`).
"""

from warifu.simulator.conformance.asking import Asked
from warifu.simulator.conformance.bench import Bench, Target
from warifu.simulator.conformance.business_bench import FACE_OF, BusinessBench, opened_business
from warifu.simulator.conformance.business_requirements import BUSINESS
from warifu.simulator.conformance.folder import ConformanceError, Prepared, copies, prepare, prepared
from warifu.simulator.conformance.frame import Requirement, Suite
from warifu.simulator.conformance.lines import words_of
from warifu.simulator.conformance.network import clerk_by, opened
from warifu.simulator.conformance.report import html, junit
from warifu.simulator.conformance.requester_bench import RequesterBench
from warifu.simulator.conformance.requester_folder import PreparedRequester, prepare_requester, prepared_requester
from warifu.simulator.conformance.requester_network import opened_requester
from warifu.simulator.conformance.requester_requirements import REQUESTER
from warifu.simulator.conformance.requirements import PROVIDER, REQUIREMENTS, chosen
from warifu.simulator.conformance.run import Result, check, check_all

__all__ = [
    "BUSINESS",
    "FACE_OF",
    "PROVIDER",
    "REQUESTER",
    "REQUIREMENTS",
    "Asked",
    "Bench",
    "BusinessBench",
    "ConformanceError",
    "Prepared",
    "PreparedRequester",
    "RequesterBench",
    "Requirement",
    "Result",
    "Suite",
    "Target",
    "check",
    "check_all",
    "chosen",
    "clerk_by",
    "copies",
    "html",
    "junit",
    "opened",
    "opened_business",
    "opened_requester",
    "prepare",
    "prepare_requester",
    "prepared",
    "prepared_requester",
    "words_of",
]
