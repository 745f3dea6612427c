"""The picture of an exchange: it says what the views say, and nothing else."""

from __future__ import annotations

import pytest
from unit.stage.sample import (
    ASKED_ABOUT,
    FOUND,
    ID,
    OUR_CODE,
    PORTAL_CODE,
    PROVIDER,
    THEIR_CODE,
    Sample,
    Views,
    drawn,
    holding,
)

from warifu.control.v1.control_pb2 import Holding
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.stage.picture import Picture, Role, State
from warifu.simulator.stage.picture.model import Held
from warifu.simulator.stage.picture.tally import tally


def held(picture: Picture, role: Role, name: str) -> Held:
    """One thing that a party holds."""
    return next(one for one in picture.actors[role].held if one.name == name)


def states(picture: Picture) -> list[State]:
    """How the steps stand."""
    return [step.state for step in picture.steps]


def missing(picture: Picture, role: Role) -> dict[str, bool]:
    """What was looked for at a party, and whether it was there."""
    return {one.label.en: one.found for one in picture.actors[role].absences}


def test_an_answered_exchange_goes_through_all_seven_steps() -> None:
    """Every step is done, nothing is waited for, and each party's code is its own."""
    picture = drawn()
    assert states(picture) == [State.DONE] * 7
    assert picture.final
    assert picture.outcome == "ANSWERED"
    assert {one.label.en: one.tally.digits for one in picture.codes} == {
        "Requester's code": tally(THEIR_CODE).digits,
        "Provider's code": tally(OUR_CODE).digits,
        "Portal's code": tally(PORTAL_CODE).digits,
    }
    assert held(picture, Role.REQUESTER, "addressee").value.en == ASKED_ABOUT
    assert held(picture, Role.PROVIDER, "addressee").value.en == FOUND


def test_what_is_held_grows_from_step_to_step() -> None:
    """A party holds at each step what it held before and what is new; the provider and the portal begin with nothing."""
    for actor in drawn().board:
        for step in range(1, 8):
            assert [*actor.old(step), *actor.new(step)] == actor.by(step)
    picture = drawn()
    assert not picture.actors[Role.PROVIDER].by(2)
    assert not picture.actors[Role.PORTAL].by(6)
    assert picture.actors[Role.REQUESTER].by(1)


def test_values_are_plain_at_both_ends_and_sealed_between() -> None:
    """The requester's answer and the provider's copy show the salary; at the gateway there is ciphertext and no value."""
    picture = drawn(Sample(salary=4_321_000))
    for role, name in ((Role.REQUESTER, "opened"), (Role.PROVIDER, "copy-2025")):
        assert "¥4,321,000" in {fact.value.en for fact in held(picture, role, name).facts}
    assert held(picture, Role.GATEWAY, "answer").kind == "ciphertext"
    assert "¥4,321,000" not in {fact.value.en for one in picture.actors[Role.GATEWAY].held for fact in one.facts}
    assert held(picture, Role.PROVIDER, "copies").value.en == "1"


def test_nobody_holds_what_the_protocol_keeps_from_them() -> None:
    """In an answered exchange each party was looked through for what it must not hold, and nothing was there."""
    picture = drawn()
    assert missing(picture, Role.GATEWAY) == {
        "the values": False,
        "the opened query": False,
        "Requester's addressee number": False,
        "Provider's addressee number": False,
        "Portal's code": False,
    }
    for actor in picture.board:
        assert actor.absences
        assert not any(one.found for one in actor.absences)


@pytest.mark.parametrize(
    ("role", "party", "needle", "label"),
    [
        (Role.GATEWAY, "gateway", Sample().content().SerializeToString(), "the values"),
        (Role.GATEWAY, "gateway", ASKED_ABOUT, "Requester's addressee number"),
        (Role.GATEWAY, "gateway", PORTAL_CODE, "Portal's code"),
        (Role.GATEWAY, "gateway", Sample().query(), "the opened query"),
        (Role.PORTAL, "portal", OUR_CODE, "Provider's code"),
        (Role.PORTAL, "portal", OUR_CODE.hex().upper(), "Provider's code"),
        (Role.WATCHDOG, "watchdog", f"about {ID}", "the exchange's id"),
        (Role.NUMBERING, "numbering", THEIR_CODE, "anyone's code"),
    ],
)
def test_what_a_party_does_hold_is_not_called_absent(role: Role, party: str, needle: bytes | str, label: str) -> None:
    """Something planted anywhere in a party's view, as bytes, text or hexadecimal, is said to be there, and nothing else is."""
    picture = drawn(Sample(more={party: [holding(f"{party}/planted", found=needle)]}))
    told = missing(picture, role)
    assert told.pop(label)
    assert not any(told.values())


def test_the_institutions_too_are_looked_through() -> None:
    """A provider that kept the requester's code, and a requester that got hold of the permit, are shown to hold them."""
    sample = Sample()
    sample.more = {
        "tax": [holding(f"{PROVIDER}/promises", commitment=THEIR_CODE)],
        "health_insurance": [holding("nhi-480029/promises", commitment=sample.permit())],
    }
    picture = drawn(sample)
    assert missing(picture, Role.PROVIDER)["Requester's code"]
    assert missing(picture, Role.REQUESTER)["the permit"]


def test_a_code_that_changes_in_one_view_changes_the_picture() -> None:
    """When the provider's addressee is bound to another code, that code is drawn beside the one that the exchange used."""
    before, after = drawn(), drawn(Sample(bound=b"\1" + b"\x99" * 32))
    assert [one.tally for one in after.codes][:2] == [one.tally for one in before.codes][:2]
    assert len(after.codes) == len(before.codes) + 1
    assert held(after, Role.PROVIDER, "bound-0").tally == tally(b"\1" + b"\x99" * 32)


def test_a_changed_record_does_not_fit_its_commitment() -> None:
    """A record whose bytes were changed afterwards is drawn as not fitting; all others fit."""
    views = Sample().views()
    row = next(one for one in views["gateway"] if one.where == "gateway/record")
    next(value for value in row.values if value.name == "salt").raw = bytes(32)
    picture = drawn(views=views)
    assert held(picture, Role.GATEWAY, "record-1").fits is False
    assert held(picture, Role.GATEWAY, "record-2").fits is True
    assert held(drawn(), Role.GATEWAY, "record-1").fits is True


def test_a_denied_exchange_never_reaches_the_provider() -> None:
    """The gateway says why not, the provider was not asked and holds nothing, the requester and the person are told."""
    picture = drawn(Sample(outcome=int(pb.OUTCOME_DENIED)))
    assert states(picture) == [State.DONE, State.DONE, State.NEVER, State.DONE, State.DONE, State.DONE, State.DONE]
    assert "Not in this procedure." in picture.step(2).text.en
    assert "was not asked" in picture.step(3).text.en
    assert not picture.step(3).wires
    assert not picture.actors[Role.PROVIDER].held
    assert picture.final


def test_a_provider_that_holds_something_was_asked_whatever_the_outcome_says() -> None:
    """A denied exchange of which the provider nevertheless holds a row is not told as one that never reached it."""
    sample = Sample(outcome=int(pb.OUTCOME_DENIED))
    sample.more = {"tax": [holding(f"{PROVIDER}/promises", commitment=bytes(32))]}
    assert "was not asked" not in drawn(sample).step(3).text.en


def test_a_pending_exchange_waits_from_the_provider_on() -> None:
    """What waits for a clerk is shown as waiting, its end day is told, and nothing is in the history."""
    picture = drawn(Sample(outcome=int(pb.OUTCOME_PENDING), fine=int(pb.FINE_OUTCOME_PENDING), reviewed=0))
    assert states(picture) == [State.DONE, State.DONE, *[State.WAITING] * 5]
    assert "waits for a clerk" in picture.step(3).text.en
    assert held(picture, Role.PROVIDER, "review").value.en == "not decided"
    assert not picture.final


def test_an_open_exchange_has_not_reached_the_provider_yet() -> None:
    """Recorded, and the provider has said nothing: it waits, and is not told as refused."""
    picture = drawn(Sample(outcome=int(pb.OUTCOME_UNSPECIFIED)))
    assert states(picture)[:3] == [State.DONE, State.DONE, State.WAITING]
    assert not picture.final


def test_an_error_says_what_failed() -> None:
    """An exchange that ended in an error names the failure, has no answer, and is final."""
    picture = drawn(Sample(outcome=int(pb.OUTCOME_ERROR)))
    assert "The permit was refused." in picture.step(4).text.en
    assert "no answer" in picture.step(5).text.en.lower()
    assert picture.final


def test_a_withheld_exchange_is_not_in_the_history() -> None:
    """The portal holds nothing, which is said because its view is empty; the gateway's row says why."""
    picture = drawn(Sample(withheld=True, fine=int(pb.FINE_OUTCOME_WITHHELD), reviewed=2))
    assert picture.step(7).state is State.NEVER
    assert "holds nothing" in picture.step(7).text.en
    assert "Non-disclosure" not in picture.step(7).title.en
    assert not picture.actors[Role.PORTAL].held
    assert picture.final


def test_that_the_portal_holds_nothing_is_said_of_an_empty_view_alone() -> None:
    """A withheld exchange that the portal does hold is told as held, with the contradiction; one that could not be seen is told as unseen."""
    views = Sample(withheld=True).views() | {"portal": Sample().portal()}
    contradicted = drawn(views=views).step(7)
    assert contradicted.state is State.DONE
    assert "and yet the portal has it" in contradicted.text.en
    del views["portal"]
    unseen = drawn(views=views).step(7)
    assert unseen.state is State.UNSEEN
    assert "holds nothing" not in unseen.text.en


@pytest.mark.parametrize("party", ["gateway", "health_insurance", "tax", "portal", "watchdog", "numbering"])
def test_a_party_that_cannot_be_looked_at_is_said_to_be_unseen(party: str) -> None:
    """Of a party that is down nothing is claimed, neither that it holds something nor that it does not."""
    views = Sample().views()
    del views[party]
    picture = drawn(views=views)
    gone = [actor for actor in picture.board if actor.party == party]
    assert gone
    for actor in gone:
        assert not actor.seen
        assert not actor.held
        assert not actor.absences


def test_leaves_that_are_not_cosigned_yet_wait() -> None:
    """While the witness' head is smaller than the leaves' places, step 6 waits and says so."""
    picture = drawn(Sample(witnessed=20))
    assert picture.step(6).state is State.WAITING
    assert "not cosigned" in picture.step(6).text.en
    assert drawn(Sample(leaf=None)).step(6).text.en == "No commitment is in the public log yet."


def test_the_portal_may_itself_ask() -> None:
    """Of a person's own request the portal is requester and portal at once, and its one code is no secret from itself."""
    views = Sample().views()
    views["portal"] = [*renamed(views.pop("health_insurance"), "nhi-480029", "portal-main"), *Sample().portal()]
    next(value for value in views["portal"][-1].values if value.name == "subject").raw = pb.SubjectReference(
        code=THEIR_CODE
    ).SerializeToString()
    picture = drawn(views=views)
    assert picture.actors[Role.REQUESTER].party == "portal"
    assert "Portal's code" not in missing(picture, Role.GATEWAY)
    assert held(picture, Role.PORTAL, "entry")


def renamed(rows: list[Holding], old: str, new: str) -> list[Holding]:
    """The same rows at another institution."""
    return [Holding(where=row.where.replace(old, new), values=row.values) for row in rows]


def test_rows_of_tables_that_nobody_drew_are_shown_as_they_are() -> None:
    """A table that a party's view gains is not left out of the picture."""
    picture = drawn(Sample(more={"portal": [holding("portal-main/corrections", statement="wrong person")]}))
    assert "wrong person" in {fact.value.en for fact in held(picture, Role.PORTAL, "other-0").facts}


def test_nothing_held_anywhere_is_no_exchange() -> None:
    """With nothing but the log's head there is no exchange to draw."""
    views: Views = {party: [] for party in Sample().views()}
    views["watchdog"] = Sample().views()["watchdog"]
    assert not drawn(views=views).exists
    assert drawn().exists
