"""Registration of copies against a model that is a dictionary."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from warifu.common.v1 import common_pb2
from warifu.interim.copies import Copies
from warifu.interim.schema import ADDRESSEES, COPIES
from warifu.interim.v1 import interim_pb2 as pb
from warifu.items.v1 import items_pb2

TAX_ITEM = "TM90000000000001"
NEW, DIFFERENCE, REVISE, DELETE = (
    pb.COPY_CHANGE_NEW,
    pb.COPY_CHANGE_DIFFERENCE,
    pb.COPY_CHANGE_REVISE,
    pb.COPY_CHANGE_DELETE,
)


def request(record_id="r-1", change=NEW, number="1", key="2025", layout="2026-06", income=1, **changes):
    """One change."""
    values = {
        "institution": "tax-480011",
        "record_id": record_id,
        "change": change,
        "addressee_no": number,
        "item": TAX_ITEM,
        "record_key": key,
        "layout_version": "" if change == DELETE else layout,
        "content": None
        if change == DELETE
        else items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(tax_year=2025, total_income_yen=income)),
        **changes,
    }
    return pb.RegisterCopiesRequest(**values)


def reasons(responses):
    """Reason of each response, "" when done."""
    return [one.error.reason if one.HasField("error") else "" for one in responses]


def held(ground):
    """Copies in the store: key to layout and income."""
    rows = ground.store.read(lambda connection: connection.execute(select(COPIES)).all())
    return {
        (row.addressee_no, row.record_key): (
            row.layout_version,
            items_pb2.ItemContent.FromString(row.content).local_tax.total_income_yen,
        )
        for row in rows
    }


class Model:
    """What the contract says, over a dictionary."""

    def __init__(self):
        self.copies, self.seen = {}, {}

    def apply(self, one):
        """Make a change; why not, or ""."""
        if one.record_id in self.seen:
            return "" if self.seen[one.record_id] == one else "CLIENT_COPY_CHANGED"
        key = (one.addressee_no, one.record_key)
        if one.change == NEW and key in self.copies:
            return "CLIENT_COPY_EXISTS"
        if one.change != NEW and key not in self.copies:
            return "CLIENT_COPY_MISSING"
        if one.change == REVISE and self.copies[key][0] == one.layout_version:
            return "CLIENT_MALFORMED"
        self.seen[one.record_id] = one
        if one.change == DELETE:
            del self.copies[key]
        else:
            self.copies[key] = (one.layout_version, one.content.local_tax.total_income_yen)
        return ""


CHANGES = st.builds(
    request,
    record_id=st.integers(1, 30).map(str),
    change=st.sampled_from([NEW, DIFFERENCE, REVISE, DELETE]),
    number=st.sampled_from("12"),
    key=st.sampled_from(["2024", "2025"]),
    layout=st.sampled_from(["2025-06", "2026-06"]),
    income=st.integers(1, 3),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CHANGES, max_size=12), max_size=4))
def test_any_sequence_in_any_batches_does_what_one_by_one_would(make_ground, batches):
    """Whatever changes come, and however they fall into transactions, results and copies are those of the model."""

    async def run():
        ground, model = make_ground(), Model()
        copies = Copies(ground)
        for batch in batches:
            assert reasons(await copies.register(batch)) == [model.apply(one) for one in batch]
            assert held(ground) == model.copies

    asyncio.run(run())


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("record_id", {"record_id": ""}),
        ("record_id", {"record_id": "x" * 65}),
        ("addressee_no", {"number": "１２"}),
        ("addressee_no", {"number": "1" * 16}),
        ("record_key", {"key": ""}),
        ("change", {"change": 0}),
        ("item", {"item": "TM90000000000099"}),
        ("content", {"content": items_pb2.ItemContent(medical_insurance=items_pb2.MedicalInsuranceInfo())}),
        ("content", {"content": None}),
        ("published_from", {"published_from": "soon"}),
        ("about", {"about": common_pb2.Period(first_day="2026-04-01", last_day="2025-04-01")}),
    ],
    ids=str,
)
async def test_a_change_out_of_form_names_its_field(ground, field, changes):
    """A field that is not as the contract says is refused by name and harms no other change of the stream."""
    responses = await Copies(ground).register([request(**changes), request("r-2", key="2024")])
    assert reasons(responses) == ["CLIENT_MALFORMED", ""]
    assert f'"{field}"' in responses[0].error.message.en
    assert list(held(ground)) == [("1", "2024")]


async def test_an_unknown_layout_and_values_in_a_deletion_are_refused(ground):
    """A layout version that is none has its own reason; a deletion carries no values."""
    values = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo())
    bad = [request("a", layout="v3"), request("b", change=DELETE, content=values)]
    assert reasons(await Copies(ground).register(bad)) == ["CLIENT_LAYOUT_UNKNOWN", "CLIENT_MALFORMED"]


@pytest.mark.parametrize(
    "empties",
    [
        [("housing_loan_credit_yen", 0)],
        [("no_such_field", 1)],
        [("tax_year", 1)],
        [("housing_loan_credit_yen", 1), ("housing_loan_credit_yen", 2)],
    ],
    ids=["no-reason", "unknown", "has-a-value", "twice"],
)
async def test_an_empty_value_says_once_why_it_is_empty(ground, empties):
    """An empty field is one of the item, has no value, and one reason."""
    content = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(tax_year=2025))
    for path, reason in empties:
        content.empty_fields.add(path=path, reason=reason)
    assert reasons(await Copies(ground).register([request(content=content)])) == ["CLIENT_MALFORMED"]
    content.ClearField("empty_fields")
    content.empty_fields.add(path="housing_loan_credit_yen", reason=items_pb2.EMPTY_REASON_NOT_APPLICABLE)
    assert reasons(await Copies(ground).register([request(content=content)])) == [""]


async def test_a_copy_makes_its_addressee_known(ground):
    """A copy of somebody not enrolled yet is kept, and the addressee stands unbound."""
    await Copies(ground).register([request(number="42")])
    rows = ground.store.read(lambda connection: connection.execute(select(ADDRESSEES)).all())
    assert [(row.addressee_no, row.subject) for row in rows] == [("42", None)]


async def test_the_record_itself_says_when_it_was_corrected(ground):
    """The day of correction is the record's own; an ordinary change, bulk loading and a new layout are no corrections."""
    copies, corrected = Copies(ground), select(COPIES.c.corrected_on)
    await copies.register([request(), request("r-2", DIFFERENCE), request("r-3", REVISE, layout="2027-06")])
    assert ground.store.read(lambda connection: connection.execute(corrected).scalar()) is None
    content = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(corrected_on="2026-06-08"))
    await copies.register([request("r-4", DIFFERENCE, content=content)])
    assert ground.store.read(lambda connection: connection.execute(corrected).scalar()) == "2026-06-08"
    content.local_tax.corrected_on = "yesterday"
    assert reasons(await copies.register([request("r-5", DIFFERENCE, content=content)])) == ["CLIENT_MALFORMED"]
