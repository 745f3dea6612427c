"""The table of reasons, and an error's way over the wire and back."""

from __future__ import annotations

import string

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import STATUS_KEY, TABLE, VALUE_LIMIT, LinkageError, Reason, Side
from warifu.law.decide import Reason as LawReason

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def over_the_wire(error: LinkageError) -> grpc.aio.AioRpcError:
    """The error as gRPC hands it to the caller."""
    trailing = grpc.aio.Metadata((STATUS_KEY, error.status().SerializeToString()))
    return grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), trailing, error.text("en"))


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_two_texts_that_say_what_to_do(reason: Reason) -> None:
    """Each row has Japanese and English with the same places, and more than one sentence: what happened, what next."""
    row = TABLE[reason]
    places = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (row.ja, row.en)]
    assert places[0] == places[1]
    assert row.ja.endswith("。")
    assert row.ja.count("。") >= 2
    assert row.en.endswith(".")
    assert any(ord(character) > 0x3000 for character in row.ja)
    assert all(ord(character) < 0x2500 for character in row.en)
    assert row.code is not grpc.StatusCode.OK


@pytest.mark.parametrize("kind", ["UNAVAILABLE", "TIMEOUT", "STORE_UNAVAILABLE", "TRUST_UNAVAILABLE", "INTERNAL"])
def test_both_called_sides_have_the_common_reasons(kind: str) -> None:
    """The gateway and every other party have a reason of each common kind, on their own side."""
    assert Side.of("gateway").reason(kind).side is Side.GATEWAY
    assert Side.of("numbering").reason(kind).side is Side.PROVIDER


def test_every_refusal_of_the_law_book_has_a_row() -> None:
    """What the permission table can answer is in the table of errors under the same name."""
    assert {str(reason) for reason in LawReason} <= set(Reason)


@given(
    reason=st.sampled_from(Reason),
    metadata=st.dictionaries(st.sampled_from(["field", "problem", "limit", "left"]), TEXT),
)
def test_an_error_comes_back_as_it_went(reason: Reason, metadata: dict[str, str]) -> None:
    """Status and back keeps reason and metadata, whatever they are."""
    sent = LinkageError(reason, metadata=metadata)
    received = LinkageError.from_rpc(over_the_wire(sent))
    assert (received.reason, received.metadata) == (sent.reason, sent.metadata)
    assert received.text("ja") == sent.text("ja")


@given(reason=st.sampled_from(Reason))
def test_a_failed_item_comes_back_as_it_went(reason: Reason) -> None:
    """Failure and back keeps the reason."""
    failure = LinkageError(reason).failure()
    assert LinkageError.from_failure(failure).reason == reason
    assert failure.retryable == TABLE[reason].retryable
    assert failure.message.ja


def test_a_missing_place_does_not_lose_the_text() -> None:
    """A text with a place that nobody filled is still told."""
    assert "–" in LinkageError(Reason.CLIENT_MALFORMED).text("en")


@given(value=TEXT)
def test_a_value_is_never_a_format(value: str) -> None:
    """Braces in a value are shown, not interpreted."""
    assert value in LinkageError(Reason.CLIENT_MALFORMED, metadata={"field": value}).text("ja")


def test_a_peers_novel_is_cut() -> None:
    """Metadata of a peer is cut to its limit."""
    error = LinkageError.from_reason("CLIENT_MALFORMED", metadata={"field": "x" * 10_000})
    assert len(error.metadata["field"]) == VALUE_LIMIT


@pytest.mark.parametrize(("party", "reason"), [("gateway", Reason.GATEWAY_INTERNAL), ("tax", Reason.PROVIDER_INTERNAL)])
def test_an_unknown_reason_is_its_tellers_internal_error(party: str, reason: Reason) -> None:
    """A reason that is not in our table, from a newer peer, is that side's INTERNAL and keeps the name that was told."""
    error = LinkageError.from_failure(common_pb2.Failure(reason="CLIENT_FROM_THE_FUTURE"), party=party)
    assert error.reason == reason
    assert error.metadata["told"] == "CLIENT_FROM_THE_FUTURE"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "PROVIDER_TIMEOUT"),
        (grpc.StatusCode.CANCELLED, "CLIENT_CANCELLED"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "CLIENT_TOO_LARGE"),
        (grpc.StatusCode.UNIMPLEMENTED, "CLIENT_METHOD_UNKNOWN"),
        (grpc.StatusCode.UNKNOWN, "PROVIDER_INTERNAL"),
    ],
)
@pytest.mark.parametrize("details", [None, b"\xff\xff", b""], ids=["none", "garbage", "empty"])
def test_what_grpc_itself_says_has_a_reason(code: grpc.StatusCode, kind: str, details: bytes | None) -> None:
    """A failure without usable details is explained by its status and whom we called."""
    trailing = grpc.aio.Metadata() if details is None else grpc.aio.Metadata((STATUS_KEY, details))
    assert LinkageError.from_rpc(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing), party="tax").reason == kind
