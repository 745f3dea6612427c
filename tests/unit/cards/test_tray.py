"""The tray: filled fast, found by any spelling."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.portal.lab import HANA, LONG, PEOPLE, SORA, Lab

from warifu.kernel.quick import Quick
from warifu.simulator.cards import tray
from warifu.simulator.cards.tray import fill, find, fold, known_traits, one


def names(found: tray.Tray) -> list[str]:
    """Handles of the people found."""
    return [person.person for person in found.people]


@pytest.mark.parametrize(
    "sought", ["汐見", "しおみ", "シオミ", "ｼｵﾐ", "シオミハナ", "汐見　花", "P000001", "ｐ００００01", "花"]
)
async def test_people_are_found_by_any_spelling(lab: Lab, sought: str) -> None:
    """Kanji, either kana, half and full width, any case and spacing find the same person."""
    assert names(find(lab.people, sought=sought)) == [HANA.person]


async def test_people_are_found_by_trait(lab: Lab) -> None:
    """A trait finds those who have it, together with a name only those who fit both."""
    assert names(find(lab.people, trait="empty")) == [SORA.person]
    assert names(find(lab.people, trait="empty", sought="シオミ")) == []
    assert names(find(lab.people, trait="none-such")) == []
    assert known_traits(lab.people) == [
        ("empty", 1), ("foreign-resident", 1), ("has-history", 1), ("long-name", 1), ("moved-household", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("sought", ["%", "_", "!", "'", '"; DROP TABLE people; --'])
async def test_signs_of_the_query_language_are_only_letters(lab: Lab, sought: str) -> None:
    """Wildcards and quotes find nobody and harm nothing."""
    assert names(find(lab.people, sought=sought)) == []
    assert len(find(lab.people).people) == 3


async def test_the_order_is_that_of_filling(lab: Lab) -> None:
    """People stand in the order in which they were put there, also after some were renewed and others added."""
    late = replace(HANA, person="p000009", name="追加")
    await fill(lab.people, [late, replace(SORA, name="凪浜 空々")])
    assert names(find(lab.people)) == [HANA.person, SORA.person, LONG.person, "p000009"]
    assert one(lab.people, SORA.person).name == "凪浜 空々"


async def test_pages_follow_each_other(lab: Lab) -> None:
    """A page tells whether there are more."""
    first, rest = find(lab.people, most=2), find(lab.people, first=2, most=2)
    assert (names(first), first.more) == ([HANA.person, SORA.person], True)
    assert (names(rest), rest.more) == ([LONG.person], False)


@pytest.mark.parametrize("wrong", [{"pin": "12345"}, {"pin": "１２３４"}, {"pin": ""}, {"traits": ("two words",)}])
async def test_what_cannot_be_used_is_refused_at_filling(lab: Lab, wrong: dict[str, object]) -> None:
    """A PIN that nobody could type or a trait that is not one word is refused, and nobody of that call is added."""
    with pytest.raises(ValueError, match="p00000x"):
        await fill(lab.people, [replace(HANA, person="p00000y"), replace(HANA, person="p00000x", **wrong)])
    assert one(lab.people, "p00000y") is None


async def test_fifteen_hundred_people_are_put_there_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A population for a class room costs as few statements as one person, in one commit (measured: under 0.1 s)."""
    store = tray.open_store(tmp_path)
    crowd = [replace(PEOPLE[n % 3], person=f"p{n:06}") for n in range(1500)]
    statements, before = [], store.lines._committed.commits.count
    for way in ("execute", "exec_driver_sql"):
        done = getattr(Quick, way)
        monkeypatch.setattr(Quick, way, lambda self, *told, done=done: statements.append(told[0]) or done(self, *told))
    assert await fill(store, crowd) == 1500
    assert len(statements) < 25, len(statements)
    assert store.lines._committed.commits.count - before == 1
    assert names(find(store, first=1499)) == ["p001499"]
    store.close()


async def test_the_document_is_that_of_the_people_verb(lab: Lab) -> None:
    """Each person's document has the fields of `warifu people --json`, and never a number."""
    document = one(lab.people, HANA.person).document()
    assert document == {
        "person": "p000001", "name": "汐見 花", "kana": "シオミ ハナ", "traits": ["moved-household", "has-history"],
        "card": "ready", "pin": "4273", "password": "JFJH5451", "phone": False,
    }  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    """Folding is idempotent on kana and Latin text, so a stored and a typed spelling meet."""
    folded = fold(text)
    assert fold(folded) == fold(fold(folded))
