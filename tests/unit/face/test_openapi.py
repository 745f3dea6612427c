"""What the face says of itself in OpenAPI is valid, complete, and true of the JSON that it speaks."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.face.comments import comments
from warifu.simulator.face.mapping import described, from_query, parsed, shown
from warifu.simulator.face.openapi import document, schema_of
from warifu.simulator.face.operations import OPERATIONS, SERVICES, Operation

URL, INSTITUTION = "http://127.0.0.1:8190", "tax-480011"
VALUES: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=5),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=5),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
}


def references(schemas: dict[str, Any], kind: Descriptor) -> Draft202012Validator:
    """A validator of one message's schema."""
    reference = schema_of(kind, schemas)
    return Draft202012Validator({**reference, "components": {"schemas": schemas}})


@st.composite
def messages(draw: st.DrawFn, kind: Descriptor, depth: int = 4) -> Message:
    """Any message of a kind."""
    message = GetMessageClass(kind)()
    for field in kind.fields:
        if not draw(st.booleans()):
            continue
        if field.message_type is None:
            one = st.sampled_from(list(field.enum_type.values_by_number)) if field.enum_type else VALUES[field.type]
            if field.is_repeated:
                getattr(message, field.name).extend(draw(st.lists(one, max_size=2)))
            else:
                setattr(message, field.name, draw(one))
        elif field.message_type.full_name == "google.protobuf.Timestamp":
            getattr(message, field.name).FromSeconds(draw(st.integers(0, 4_000_000_000)))
        elif depth:
            inner = draw(messages(field.message_type, depth - 1))
            if field.is_repeated:
                getattr(message, field.name).add().CopyFrom(inner)
            else:
                getattr(message, field.name).CopyFrom(inner)
    return message


@pytest.mark.parametrize("token", [True, False])
def test_the_description_is_valid(token: bool) -> None:
    """A validator of OpenAPI 3.1 finds nothing wrong, with a token and with certificates."""
    validate(document(URL, INSTITUTION, token=token))


def test_every_rpc_is_one_operation() -> None:
    """Each RPC of the plain face's contract is served once, and nothing else is, beside batches."""
    rpcs = sorted(name for service in SERVICES for name in service.methods_by_name)
    assert sorted(operation.rpc for operation in OPERATIONS) == rpcs
    paths = document(URL, INSTITUTION, token=True)["paths"]
    said = [one["operationId"] for path in paths.values() for one in path.values()]
    assert sorted(said) == sorted([*rpcs, "StartBatch", "GetBatch", "GetBatchResult"])


def test_every_operation_and_field_is_explained() -> None:
    """Operations are told in both languages; every field of a message has its comment from the contract."""
    described_as = document(URL, INSTITUTION, token=True)
    for path in described_as["paths"].values():
        assert all(one["summary"] and one["description"] for one in path.values())
    silent = [
        f"{name}.{field}"
        for name, schema in described_as["components"]["schemas"].items()
        if name not in {"Problem", "BatchState"}
        for field, one in schema.get("properties", {}).items()
        if not one.get("description")
    ]
    assert silent == []


def test_comments_are_read_from_the_contract() -> None:
    """A comment of several lines, of a field in a oneof and of an enumeration's value is found under its name."""
    found = comments("warifu/interim/v1/interim.proto")
    assert found["EnrolRequest.individual_number"] == "The individual number as typed. Never type a real one."
    assert found["CopyChange.COPY_CHANGE_DELETE"] == "Removal; refused when there is none."
    assert found["EnrolRequest"] == "One person to enrol."
    assert found["InterimService.Enrol"].endswith("and are not kept.")


@pytest.mark.parametrize(
    "kind", [interim_pb2.RegisterCopiesRequest, interim_pb2.CollectResponse, interim_pb2.EnrolRequest]
)
def test_what_the_mapping_makes_fits_the_schema(kind: type[Message]) -> None:
    """The JSON form of any message is as its schema says, and comes back as the same message."""
    schemas: dict[str, Any] = {}
    validator = references(schemas, kind.DESCRIPTOR)

    @given(messages(kind.DESCRIPTOR))
    def check(message: Message) -> None:
        values = shown(message)
        validator.validate(values)
        assert parsed(kind.DESCRIPTOR, values) == message

    check()


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.example], ids=lambda one: one.rpc)
def test_examples_are_what_the_contract_takes(operation: Operation) -> None:
    """Each example body is one that the operation would read, and fits the schema."""
    schemas: dict[str, Any] = {}
    validator = references(schemas, operation.request)
    bodies = [operation.example]
    if operation.lists and operation.lists[0] not in operation.request.fields_by_name:
        bodies = operation.example[operation.lists[0]]
    for body in bodies:
        ParseDict(dict(body), GetMessageClass(operation.request)())
        validator.validate(body)


def test_a_schema_refuses_what_is_no_field() -> None:
    """The check above can fail: an unknown name is refused by schema and mapping alike."""
    schemas: dict[str, Any] = {}
    kind = interim_pb2.UnbindRequest.DESCRIPTOR
    assert not references(schemas, kind).is_valid({"adresseeNo": "1"})
    with pytest.raises(LinkageError) as refused:
        parsed(kind, {"adresseeNo": "1"})
    assert refused.value.reason is Reason.CLIENT_MALFORMED


def test_a_query_is_read_like_a_body() -> None:
    """Numbers and truths of a query are texts, in either spelling of their names."""
    made = from_query(
        interim_pb2.ListPromisesRequest.DESCRIPTOR, {"pageSize": "7", "broken_only": "true", "page_token": "x"}
    )
    assert made == interim_pb2.ListPromisesRequest(page_size=7, broken_only=True, page_token="x")
    with pytest.raises(LinkageError):
        from_query(interim_pb2.ListPromisesRequest.DESCRIPTOR, {"brokenOnly": "perhaps"})


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_a_problem_document(reason: Reason) -> None:
    """Whatever reason a call fails for, the document fits its schema, with an HTTP status of an error and both languages."""
    values = described(LinkageError(reason))
    schema = document(URL, INSTITUTION, token=True)["components"]["schemas"]["Problem"]
    Draft202012Validator(schema).validate(values)
    assert 400 <= values["status"] < 600
    assert values["reason"] == reason
    assert values["message"]["ja"] != values["message"]["en"]
