"""Cutting items down to what may be released."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.exchange.projection import project, released
from warifu.items.v1 import items_pb2

KINDS = {field.name: field.message_type for field in items_pb2.ItemContent.DESCRIPTOR.oneofs[0].fields}


def canary(kind):
    """An item of a kind in which every field, at every depth, has a value of its own, and every field an empty reason."""
    content = items_pb2.ItemContent()
    target = getattr(content, kind)
    for number, field in enumerate(target.DESCRIPTOR.fields, 1):
        if field.message_type is not None:
            getattr(target, field.name).add(relationship=f"canary-{field.name}", birth_date="2001-01-01")
        elif field.type == field.TYPE_STRING:
            setattr(target, field.name, f"canary-{field.name}")
        elif field.type == field.TYPE_BOOL:
            setattr(target, field.name, True)
        elif field.type == field.TYPE_ENUM:
            setattr(target, field.name, 1)
        else:
            setattr(target, field.name, 900_000 + number)
        content.empty_fields.add(path=field.name, reason=items_pb2.EMPTY_REASON_NO_VALUE)
    return content


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_exactly_the_released_fields_survive(kind, data):
    """For every item and every set of paths, the fields in the set keep their values and no other field has any."""
    names = [field.name for field in KINDS[kind].fields]
    paths = frozenset(data.draw(st.sets(st.sampled_from([*names, "no_such_field", "content"]))))
    content = canary(kind)
    cut = project(content, paths)
    assert cut.WhichOneof("content") == kind
    survived = {field.name: value for field, value in getattr(cut, kind).ListFields()}
    whole = {field.name: value for field, value in getattr(content, kind).ListFields()}
    assert survived == {name: whole[name] for name in names if name in paths}
    assert {empty.path for empty in cut.empty_fields} == paths & set(names)
    bytes_left = cut.SerializeToString()
    assert not [name for name in names if name not in paths and f"canary-{name}".encode() + b"\x12" in bytes_left]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing_released_leaves_the_kind_alone(kind):
    """With no path released, only the item's kind is left."""
    cut = project(canary(kind), frozenset())
    assert (cut.WhichOneof("content"), cut.ByteSize()) == (kind, 2)


def test_unknown_fields_do_not_survive():
    """What a newer layout holds and this reader does not know is not released, neither at the top nor inside a member."""
    unknown = b"\xf8\x07\x01"
    member = items_pb2.HouseholdMember(relationship="子").SerializeToString() + unknown
    record = b"\x82\x01" + bytes([len(member)]) + member + unknown
    content = items_pb2.ItemContent(resident_record=items_pb2.ResidentRecordInfo.FromString(record))
    content.MergeFromString(unknown)
    cut = project(content, frozenset({"members"}))
    assert cut.resident_record.members[0].relationship == "子"
    assert unknown not in cut.SerializeToString()


def test_absence_stays_absence():
    """A field that has no value gets none, and an optional zero stays a zero."""
    content = items_pb2.ItemContent(local_tax=items_pb2.LocalTaxInfo(taxable_base_yen=0))
    cut = project(content, frozenset({"taxable_base_yen", "forest_tax_yen"})).local_tax
    assert cut.HasField("taxable_base_yen")
    assert not cut.HasField("forest_tax_yen")


@given(st.sets(st.sampled_from("abcde")), st.sets(st.sampled_from("abcde")))
def test_released_is_what_is_both_allowed_and_wanted(allowed, wanted):
    """A query never widens what the row allows, and an empty query wants all of it."""
    assert released(allowed, wanted) == (allowed & wanted if wanted else allowed)
