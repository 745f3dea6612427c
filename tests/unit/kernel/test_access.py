"""The access table: complete, free of unknown names, and what its words mean."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from warifu.control.v1 import control_pb2
from warifu.kernel.access import TABLE_PATH, Access, AccessError
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.identity import Caller

REPO = Path(__file__).parents[3]
LATER = datetime(2100, 1, 1, tzinfo=UTC)
TABLE = TABLE_PATH.read_text(encoding="utf-8")


def caller(party: str, code: str = "main") -> Caller:
    """A caller with a good certificate."""
    return Caller(party, code, 1, LATER)


def changed(tmp_path: Path, before: str, after: str) -> Path:
    """The table with one thing changed."""
    assert before in TABLE
    path = tmp_path / "access.toml"
    path.write_text(TABLE.replace(before, after, 1), encoding="utf-8")
    return path


def test_every_rpc_of_the_contracts_has_a_row() -> None:
    """The table names exactly the RPCs found in the .proto files, but for the control face and the control of test networks, which no party serves to others."""
    import re

    expected = set()
    for proto in (REPO / "proto").glob("warifu/*/v1/*.proto"):
        text = proto.read_text(encoding="utf-8")
        for name, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE):
            expected |= {
                f"/warifu.{proto.parts[-3]}.v1.{name}/{rpc}"
                for rpc in re.findall(r"^\s+rpc (\w+)\(", body, re.MULTILINE)
            }
    rows = {method for method in Access.load()._rules if method.startswith("/warifu.")}
    apart = ("ControlService", "TestNetworkService")
    assert rows == {method for method in expected if not any(name in method for name in apart)}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('[allow."warifu.portal.v1.DeliveryService"]', '[allow."warifu.portal.v1.FaxService"]', "FaxService"),
        ('[allow."warifu.portal.v1.DeliveryService"]', '[allow."warifu.post.v1.FaxService"]', "FaxService"),
        ("Deliver = ", "Hand = ", "Hand"),
        ('Deliver = ["gateway"]', 'Deliver = ["getaway"]', "getaway"),
        ('Deliver = ["gateway"]', "Deliver = []", "Deliver"),
        ('Deposit = ["numbering"]\n', "", "Deposit"),
        ('institutions = ["residency"', 'institutions = ["post_office", "residency"', "post_office"),
        ('Claim = ["institutions"', 'Claim = ["institution"', "institution"),
    ],
    ids=["service", "area", "method", "party", "nobody", "missing row", "group's member", "group"],
)
def test_an_unknown_name_stops_the_process(tmp_path: Path, before: str, after: str, named: str) -> None:
    """A name that does not exist, and an RPC without a row, are refused with a message that names them."""
    with pytest.raises(AccessError, match=named):
        Access.load(path=changed(tmp_path, before, after))


def test_a_registered_service_without_rows_is_refused() -> None:
    """A process may not register a service that the table does not know."""
    name = control_pb2.DESCRIPTOR.services_by_name["ControlService"].full_name
    with pytest.raises(AccessError, match="ControlService"):
        Access.load().require_rows([name])


@pytest.mark.parametrize(
    ("method", "who", "admitted"),
    [
        ("/warifu.linkage.v1.LinkageService/Inquire", caller("tax", "tax-1"), True),
        ("/warifu.linkage.v1.LinkageService/Inquire", caller("portal", "portal-main"), True),
        ("/warifu.linkage.v1.LinkageService/Inquire", caller("counter", "tax-1"), False),
        ("/warifu.linkage.v1.LinkageService/Inquire", caller("simulator"), False),
        ("/warifu.enrolment.v1.EnrolmentService/Deposit", caller("numbering"), True),
        ("/warifu.enrolment.v1.EnrolmentService/Deposit", caller("tax", "tax-1"), False),
        ("/warifu.provision.v1.ProvisionService/Provide", caller("gateway"), True),
        ("/warifu.provision.v1.ProvisionService/Provide", caller("tax", "tax-1"), False),
        ("/warifu.interim.v1.InterimService/Inquire", caller("tax", "tax-1"), True),
        ("/warifu.interim.v1.InterimService/Inquire", caller("tax", "tax-2"), False),
        ("/warifu.interim.v1.InterimService/Inquire", caller("counter", "tax-1"), True),
        ("/warifu.interim.v1.InterimService/Inquire", caller("counter", "tax-2"), False),
        ("/warifu.interim.v1.InterimService/Inquire", caller("gateway"), False),
        ("/warifu.agency.v1.AgencyService/Record", caller("counter", "tax-1"), True),
        ("/warifu.agency.v1.AgencyService/Record", caller("tax", "tax-1"), False),
        ("/warifu.numbering.v1.RegisterService/Register", caller("tax", "tax-1"), False),
        ("/warifu.numbering.v1.RegisterService/Register", caller("residency", "residency-1"), True),
        ("/warifu.numbering.v1.CardAuthorityService/CheckCertificate", caller("portal", "portal-main"), True),
        ("/warifu.numbering.v1.CardAuthorityService/IssueCertificate", caller("portal", "portal-main"), False),
        ("/warifu.portal.v1.DeliveryService/Deliver", caller("gateway"), True),
        ("/warifu.portal.v1.DeliveryService/Deliver", caller("watchdog"), False),
        ("/warifu.linkage.v1.GatewayAuditService/ListRecords", caller("watchdog"), True),
        ("/warifu.supervision.v1.GatewaySupervisionService/SearchRecords", caller("watchdog"), True),
        ("/warifu.supervision.v1.GatewaySupervisionService/SearchRecords", caller("tax", "tax-1"), False),
        ("/warifu.supervision.v1.GatewaySupervisionService/GetRulings", caller("tax", "tax-1"), True),
        ("/warifu.supervision.v1.GatewaySupervisionService/PutRulings", caller("gateway"), False),
        ("/warifu.supervision.v1.FilingService/ReportLeak", caller("counter", "tax-9"), True),
        ("/warifu.supervision.v1.FilingService/ReportLeak", caller("simulator"), False),
        ("/grpc.health.v1.Health/Check", caller("counter", "tax-9"), True),
    ],
)
def test_who_may_call_what(method: str, who: Caller, admitted: bool) -> None:
    """At a process that serves tax-1 alone, each caller gets in exactly where the design says."""
    access = Access.load(["tax-1"])
    if admitted:
        access.check(access.rule(method), who)
        return
    with pytest.raises(LinkageError) as refused:
        access.check(access.rule(method), who)
    assert refused.value.reason == Reason.CLIENT_CALLER_NOT_ALLOWED
