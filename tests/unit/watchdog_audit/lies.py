"""Lies, each planted in a sound network so that one check alone can see it: by the kind of finding that it must be."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Final

from unit.watchdog_audit.model import NHI, OTHER_TAX, RIGHTS, TAX, Model, later, rewritten

from warifu import law
from warifu.exchange import event as events
from warifu.exchange import receipt
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1 import linkage_pb2
from warifu.log.v1 import log_pb2
from warifu.supervision.v1 import supervision_pb2
from warifu.tlog.notes import WitnessSigner
from warifu.watchdog.audit.findings import Kind
from warifu.watchdog.audit.sources import UnreadableError

STOP = supervision_pb2.Stop(institution=NHI, ground=supervision_pb2.STOP_GROUND_BY_HAND, since="2026-06-01")
HOUR = timedelta(hours=1)
Lie = Callable[[Model], None]
LIES: Final[dict[str, tuple[Kind, Lie]]] = {}


def lie(kind: Kind) -> Callable[[Lie], Lie]:
    """Enter a lie under its function's name."""

    def enter(function: Lie) -> Lie:
        LIES[function.__name__] = (kind, function)
        return function

    return enter


# The log.


@lie(Kind.HEAD_INVALID)
def head_cosigned_by_another(model: Model) -> None:
    """The cosignature is not the pinned witness'."""
    model.witness = WitnessSigner(model.witness.key.name, os.urandom(32))


@lie(Kind.HEAD_INVALID)
def head_not_cosigned_of_late(model: Model) -> None:
    """The witness has been silent for longer than exchanges may go on without it."""
    model.cosigned_at -= timedelta(minutes=11)


@lie(Kind.LOG_ALTERED)
def event_and_leaf_altered(model: Model) -> None:
    """An event is another, and its leaf with it, under the head that was signed before."""
    model.head = model.sign()
    first = model.gateway_list[0]
    first.event.CopyFrom(events.commit(log_pb2.NetworkEvent(version=1, started=log_pb2.GatewayStarted(program="2"))))
    model.leaves[first.leaf_index] = first.event.commitment


@lie(Kind.LOG_ALTERED)
def last_leaves_not_served(model: Model) -> None:
    """The log does not serve what its head says that it has."""
    model.head = model.sign([*model.leaves, bytes(32)])


@lie(Kind.LOG_FORKED)
def everyone_shown_another_log(model: Model) -> None:
    """Over HTTP stands another signed head of the same size."""
    model.published = model.note(model.sign([bytes(32), *model.leaves[1:]]))


@lie(Kind.LOG_FORKED)
def everyone_shown_a_longer_log(model: Model) -> None:
    """The parties are kept on an older head than everyone else."""
    model.published = model.note(model.sign([*model.leaves, bytes(32)]))


# The gateway's entries.


@lie(Kind.COMMITMENT_BROKEN)
def record_changed_at_an_institution(model: Model) -> None:
    """A record of an institution's is changed and its commitment is not."""
    model.held[TAX][0].record.salt = os.urandom(32)


@lie(Kind.COMMITMENT_BROKEN)
def event_changed_at_the_gateway(model: Model) -> None:
    """An event is changed and its commitment is not."""
    model.gateway_list[0].event.salt = os.urandom(32)


@lie(Kind.LEAF_DIFFERS)
def two_leaves_swapped(model: Model) -> None:
    """Two entries say that each stands where the other does."""
    one, other = model.gateway_list[:2]
    one.leaf_index, other.leaf_index = other.leaf_index, one.leaf_index


@lie(Kind.LEAF_WITHOUT_RECORD)
def leaf_without_record(model: Model) -> None:
    """An event is not listed any more."""
    del model.gateway_list[0]


@lie(Kind.LEAF_WITHOUT_RECORD)
def leaf_listed_without_content(model: Model) -> None:
    """An event's entry is listed bare, and nothing says that it was erased."""
    model.gateway_list[0].ClearField("event")


@lie(Kind.RECORD_WITHOUT_LEAF)
def record_without_leaf(model: Model) -> None:
    """An entry waits for its place for longer than the merge delay."""
    model.enter_event(logged=False, started=log_pb2.GatewayStarted(program="1"))


@lie(Kind.RECORD_WITHOUT_LEAF)
def record_beyond_the_log(model: Model) -> None:
    """An entry is said to stand where the log does not reach."""
    model.enter_event(logged=False, started=log_pb2.GatewayStarted(program="1")).leaf_index = 10**9


@lie(Kind.ERASED_EARLY)
def erased_before_its_term(model: Model) -> None:
    """An erasure is entered of a month of two years ago."""
    model.enter_event(erased=log_pb2.ContentsErased(month="2024-06"))


# The rules.


@lie(Kind.TABLE_UNLOGGED)
def table_row_changed(model: Model) -> None:
    """A row of the table in force releases a field less, and the log knows nothing of it."""
    files = law.packaged_files()
    name = "permissions.toml"
    changed = files[name].replace(b"papers = [", b"papers  = [", 1)
    assert changed != files[name]
    model.books.insert(0, law.read_book({**files, name: changed}))


@lie(Kind.DIRECTORY_UNLOGGED)
def directory_entry_replaced(model: Model) -> None:
    """Another's entry is relayed under an institution's name."""
    model.relayed[TAX] = model.relayed[OTHER_TAX]


@lie(Kind.DIRECTORY_UNLOGGED)
def directory_entry_withheld(model: Model) -> None:
    """An announced entry is not relayed."""
    model.relayed[TAX] = None


@lie(Kind.RIGHTS_UNLOGGED)
def rights_changed(model: Model) -> None:
    """Others may call than the log announced."""
    model.rights = RIGHTS + b" and one more"


@lie(Kind.BASIS_UNLAWFUL)
def basis_replaced_everywhere(model: Model) -> None:
    """All three sides name a row that is for something else."""
    model.exchange(row="P08")


@lie(Kind.BASIS_UNLAWFUL)
def version_never_announced(model: Model) -> None:
    """All three sides name a version of the table that was never in force."""
    model.exchange(table_version="2020-01+00000000")


@lie(Kind.BASIS_UNLAWFUL)
def permitted_what_no_row_allows(model: Model) -> None:
    """What the law book refuses was permitted."""
    model.exchange(item="TM90000000000002")


@lie(Kind.BASIS_UNLAWFUL)
def denied_what_a_row_allows(model: Model) -> None:
    """What the law book allows was refused by its name."""
    model.exchange(pb.OUTCOME_DENIED)


@lie(Kind.BASIS_UNLAWFUL)
def permitted_though_stopped(model: Model) -> None:
    """What the supervisor had stopped was permitted, minutes later."""
    model.rule(stops=[STOP])
    for _ in range(3):
        model.exchange(pb.OUTCOME_DENIED, reason="CLIENT_STOPPED")
    model.exchange()


@lie(Kind.RULINGS_FORGED)
def rulings_by_another(model: Model) -> None:
    """Somebody else than the supervisor signed what the log announces."""
    model.rule(signer=TAX)


# The sides.


@lie(Kind.RECORDED_TWICE)
def outcome_recorded_twice(model: Model) -> None:
    """The gateway has a second outcome of an exchange, in the log like the first."""
    made = model.exchange()
    again = linkage_pb2.PositionedRecord()
    again.CopyFrom(made.gateway[1])
    rewritten(again, outcome=pb.OUTCOME_ERROR)
    model.enter(again)


@lie(Kind.MISSING_AT_GATEWAY)
def exchange_without_the_gateway(model: Model) -> None:
    """Both institutions hold an exchange that the gateway never entered."""
    model.exchange(places=("requester", "provider"))


@lie(Kind.MISSING_AT_GATEWAY)
def outcome_without_the_gateway(model: Model) -> None:
    """The requester was told an outcome that the gateway never entered."""
    made = model.made(pb.OUTCOME_EXPIRED, 0)
    model.enter(made.gateway[0])
    for one in made.requester:
        model.hold(NHI, one)


@lie(Kind.MISSING_AT_REQUESTER)
def requester_without_records(model: Model) -> None:
    """The institution that asked has no record of it."""
    model.exchange(places=("gateway", "provider", "portal"))


@lie(Kind.MISSING_AT_REQUESTER)
def requester_without_outcome(model: Model) -> None:
    """The institution that asked has no record of what it came to."""
    model.exchange()
    model.held[NHI].pop()


@lie(Kind.MISSING_AT_PROVIDER)
def provider_without_records(model: Model) -> None:
    """The institution that answered has no record of it."""
    model.exchange(places=("gateway", "requester", "portal"))


@lie(Kind.EXTRA_AT_PROVIDER)
def extra_provision(model: Model) -> None:
    """A provider has a record of what nobody asked."""
    model.exchange(places=("provider",))


@lie(Kind.EXTRA_AT_PROVIDER)
def provision_without_permit(model: Model) -> None:
    """A provider has a record of what was denied."""
    made = model.made(pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_PROVIDED, item="TM90000000000002")
    denied = model.exchange(pb.OUTCOME_DENIED, item="TM90000000000002")
    requested = made.provider[0]
    mine = pb.AccessRecord.FromString(denied.requester[0].record.record)
    rewritten(requested, request_id=denied.request_id, requested_at=mine.requested_at)
    requested.evidence.promised = denied.gateway[0].record.commitment
    requested.ClearField("permit_hash")
    model.hold(TAX, requested)


@lie(Kind.FIELD_DIFFERS)
def value_altered_at_requester(model: Model) -> None:
    """The requester's record of the request names another item, well committed to."""
    rewritten(model.exchange().requester[0], item="TM90000000000002")


@lie(Kind.FIELD_DIFFERS)
def value_altered_at_provider(model: Model) -> None:
    """The provider's record of the outcome names another procedure."""
    rewritten(model.exchange().provider[1], procedure="JT90000000000109")


@lie(Kind.FIELD_DIFFERS)
def clerk_replaced(model: Model) -> None:
    """The requester's record names another clerk than the provider was told."""
    rewritten(model.exchange().requester[0], clerk="c-18")


@lie(Kind.FIELD_DIFFERS)
def wish_forgotten(model: Model) -> None:
    """The requester's record of what it wished to be withheld does not say so."""
    rewritten(model.exchange(hidden=True).requester[0], non_disclosure=False)


@lie(Kind.FIELD_DIFFERS)
def another_permit(model: Model) -> None:
    """The provider answered under another permit than the gateway gave."""
    model.exchange().provider[0].permit_hash = os.urandom(32)


@lie(Kind.BASIS_DIFFERS)
def basis_replaced_at_provider(model: Model) -> None:
    """The provider's record names another row."""
    rewritten(model.exchange().provider[0], row="P08")


@lie(Kind.BASIS_DIFFERS)
def basis_of_denial_replaced(model: Model) -> None:
    """The requester was told another row than the gateway recorded."""
    rewritten(model.exchange(pb.OUTCOME_DENIED, item="TM90000000000002").requester[1], row="P08")


@lie(Kind.TIME_DIFFERS)
def time_shifted_at_requester(model: Model) -> None:
    """The requester's record of the request is an hour late."""
    made = model.exchange()
    rewritten(made.requester[0], **later(made.requester[0], "requested_at", HOUR))


@lie(Kind.TIME_DIFFERS)
def provision_shifted_forward(model: Model) -> None:
    """The provider's record says that it answered an hour after the gateway had the answer."""
    made = model.exchange()
    rewritten(made.provider[1], **later(made.provider[1], "answered_at", HOUR))


@lie(Kind.TIME_DIFFERS)
def provision_shifted_back(model: Model) -> None:
    """The provider's record says that it answered an hour before it was asked."""
    made = model.exchange()
    rewritten(made.provider[1], **later(made.provider[1], "answered_at", -HOUR))


@lie(Kind.OUTCOME_DIFFERS)
def outcome_contradicting(model: Model) -> None:
    """The requester says that it expired, the others that it was answered."""
    rewritten(model.exchange().requester[1], outcome=pb.OUTCOME_EXPIRED)


@lie(Kind.OUTCOME_DIFFERS)
def fine_outcome_contradicting(model: Model) -> None:
    """The provider says that there was nothing, the requester that it was provided."""
    rewritten(model.exchange().provider[1], fine_outcome=pb.FINE_OUTCOME_NO_RECORD)


@lie(Kind.OUTCOME_DIFFERS)
def reason_contradicting(model: Model) -> None:
    """The requester was denied for another reason than the gateway recorded."""
    made = model.exchange(pb.OUTCOME_DENIED, item="TM90000000000002")
    rewritten(made.requester[1], reason="CLIENT_CONSENT_MISSING")


@lie(Kind.ANSWER_DIFFERS)
def another_answer_recorded(model: Model) -> None:
    """The provider's record holds the digest of another answer."""
    rewritten(model.exchange().provider[1], answer_digest=os.urandom(32))


@lie(Kind.ANSWER_DIFFERS)
def another_answer_sealed(model: Model) -> None:
    """The provider stores another sealed answer than the requester received."""
    model.exchange().provider[1].evidence.sealed_hash = os.urandom(32)


@lie(Kind.CONTENT_ALTERED)
def stored_answer_altered(model: Model) -> None:
    """A value is changed in the answer that the requester stores."""
    model.exchange().requester[1].evidence.answer_digest = os.urandom(32)


@lie(Kind.CONTENT_ALTERED)
def stored_answer_lost(model: Model) -> None:
    """The requester does not store the answer any more."""
    model.exchange().requester[1].evidence.ClearField("answer_digest")


@lie(Kind.PROMISE_BROKEN)
def promised_another_record(model: Model) -> None:
    """The requester holds a good receipt for another record than the gateway shows."""
    evidence = model.exchange().requester[0].evidence
    keys, old = model.identity.gateway, evidence.receipt
    at = old.recorded_at.ToDatetime(tzinfo=UTC)
    evidence.receipt.CopyFrom(receipt.issue(bytes(32), at, at, keys.signing_key_id, keys.sign))
    evidence.promised = bytes(32)


@lie(Kind.PROMISE_BROKEN)
def receipt_forged(model: Model) -> None:
    """The requester's receipt is not signed by the gateway."""
    model.exchange().requester[0].evidence.receipt.signature.signature = bytes(64)


# The portal.


@lie(Kind.PORTAL_MISSING)
def portal_row_dropped(model: Model) -> None:
    """The portal has lost what it was delivered."""
    model.exchange(places=("gateway", "requester", "provider"))


@lie(Kind.PORTAL_DIFFERS)
def portal_row_changed(model: Model) -> None:
    """The portal shows another record of the outcome."""
    model.exchange()
    again = linkage_pb2.PositionedRecord(record=model.delivered[-1].outcome)
    rewritten(again, item="TM90000000000002")
    model.delivered[-1].outcome.CopyFrom(again.record)


@lie(Kind.PORTAL_DIFFERS)
def portal_place_changed(model: Model) -> None:
    """The portal names another place in the log."""
    model.exchange()
    model.delivered[-1].outcome_leaf += 1


@lie(Kind.PORTAL_WITHHELD)
def withheld_exchange_shown(model: Model) -> None:
    """What is to be withheld was delivered."""
    model.deliver(model.exchange(hidden=True))


@lie(Kind.PORTAL_EXTRA)
def invented_exchange_shown(model: Model) -> None:
    """The portal shows what never was."""
    model.deliver(model.made(pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_PROVIDED))


# Corrections.


@lie(Kind.CORRECTION_UNFOUNDED)
def correction_by_a_stranger(model: Model) -> None:
    """The gateway enters a correction in the name of an institution that took no part."""
    model.correct(model.exchange(), OTHER_TAX)


@lie(Kind.CORRECTION_UNFOUNDED)
def correction_by_who_was_never_asked(model: Model) -> None:
    """The gateway enters a correction in the name of a provider that a refused inquiry never reached."""
    model.correct(model.exchange(pb.OUTCOME_DENIED, item="TM90000000000099"), TAX)


@lie(Kind.CORRECTION_UNFOUNDED)
def correction_of_what_never_was(model: Model) -> None:
    """The gateway enters a correction of an exchange that it has no record of."""
    model.correct(model.exchange(), shown=False, request_id="00000000-0000-4000-8000-999999999999")


@lie(Kind.CORRECTION_UNFOUNDED)
def correction_before_the_end(model: Model) -> None:
    """The gateway enters a correction of an exchange that waits for its answer."""
    model.correct(model.exchange(pb.OUTCOME_PENDING, pb.FINE_OUTCOME_PENDING), shown=False)


@lie(Kind.CORRECTION_MISSING)
def correction_not_shown(model: Model) -> None:
    """The portal shows an exchange and not what was said to be wrong in it."""
    model.correct(model.exchange(), shown=False)


@lie(Kind.CORRECTION_EXTRA)
def invented_correction_shown(model: Model) -> None:
    """The portal shows a correction that nobody entered."""
    made = model.exchange()
    said = log_pb2.CorrectionEntered(request_id=made.request_id, institution=NHI, statement="x")
    model.deliver_correction(events.commit(log_pb2.NetworkEvent(version=1, correction=said)), 3)


@lie(Kind.CORRECTION_EXTRA)
def correction_shown_in_other_words(model: Model) -> None:
    """The portal shows other words under the commitment of a correction."""
    entered = model.correct(model.exchange())
    changed = log_pb2.NetworkEvent.FromString(entered.event.event)
    changed.correction.statement = "正しい"
    model.delivered[-1].correction.event = changed.SerializeToString(deterministic=True)


@lie(Kind.CORRECTION_EXTRA)
def correction_s_place_changed(model: Model) -> None:
    """The portal names another place of a correction in the log."""
    model.correct(model.exchange())
    model.delivered[-1].correction_leaf += 1


@lie(Kind.UNREADABLE)
def records_not_shown(model: Model) -> None:
    """An institution does not show its records."""

    def refuse(name: str) -> None:
        if name == OTHER_TAX:
            raise UnreadableError("PROVIDER_INTERNAL")

    model.before_call = refuse
