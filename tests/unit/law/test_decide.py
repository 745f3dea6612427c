"""The decision: what is allowed, and that a refusal names what was wrong."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.law.test_rulings import RULED

from warifu.law import Ask, Condition, Deny, LawBook, Origin, Permit, Reason, Rulings, decide, packaged
from warifu.law.model import Institution, PiaFiling, PiaLevel

DAY = date(2026, 5, 7)
BOOK = packaged()
MOVED = Ask(
    requester="nhi-491004",
    provider="tax-480011",
    affair="JM90000000000101",
    procedure="JT90000000000101",
    item="TM90000000000001",
    on=DAY,
)
DEPENDANT = Ask(
    requester="insurer-06480016",
    provider="tax-480011",
    affair="JM90000000000201",
    procedure="JT90000000000201",
    item="TM90000000000001",
    on=DAY,
    consent=True,
)
APPROVED = Rulings(
    approvals={
        (code, row.id): date(2010, 1, 1)
        for code in BOOK.institutions
        for row in BOOK.rows.values()
        if row.origin is Origin.ORDINANCE
    }
)
"""The supervisor approved every ordinance use that anybody could file."""
FIELDS_OF_THE_TABLE = ("requester", "affair", "procedure", "provider", "item")
VARIANTS: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "space after": lambda s: s + " ",
    "space before": lambda s: " " + s,
    "zero byte after": lambda s: s + "\0",
    "full width": lambda s: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in s),
    "full-width digits": lambda s: s.replace("0", "０"),
    "look-alike letters": lambda s: s.replace("-", "‐").replace("M", "М").replace("T", "Т"),
    "cut off": lambda s: s[:-1],
    "empty": lambda s: "",
}


def _with_pia(book: LawBook, code: str, pia: PiaFiling | None, required: PiaLevel = PiaLevel.BASIC) -> LawBook:
    institutions = dict(book.register.institutions)
    institutions[code] = replace(institutions[code], pia=pia, pia_required=required)
    return replace(book, register=replace(book.register, institutions=institutions))


def _filing(level: PiaLevel, published: date, expires: date) -> PiaFiling:
    return PiaFiling(level, published, 5, expires)


def _decision(ask: Ask, book: LawBook = BOOK) -> tuple[Reason, Condition, str | None]:
    deny = decide(book, ask)
    assert isinstance(deny, Deny)
    return deny.reason, deny.failed_condition, deny.nearest_row.id if deny.nearest_row else None


class TestAllowed:
    """What a row allows."""

    def test_a_new_citys_insurance_may_ask_the_old_citys_tax_office(self) -> None:
        """The moved household's inquiry is permitted by row P07, with the citation of its day."""
        permit = decide(BOOK, MOVED)

        assert isinstance(permit, Permit)
        assert permit.row.id == "P07"
        assert permit.citation.on(DAY)
        assert (permit.requester.code, permit.provider.code) == (MOVED.requester, MOVED.provider)

    def test_one_row_with_several_kinds_of_provider_allows_each(self) -> None:
        """Under P08 the insurance of a city may ask any other insurer of another body."""
        ask = replace(MOVED, affair="JM90000000000102", procedure="JT90000000000102", item="TM90000000000003")
        for provider in ("insurer-06480016", "union-39480017", "nhi-480011"):
            permit = decide(BOOK, replace(ask, provider=provider))
            assert isinstance(permit, Permit)
            assert permit.row.id == "P08"

    def test_the_decision_is_the_same_every_time(self) -> None:
        """Deciding twice gives equal values: nothing is remembered, nothing is random."""
        for ask in (MOVED, replace(MOVED, item="x"), replace(MOVED, provider="tax-491004")):
            assert decide(BOOK, ask) == decide(BOOK, ask)


class TestRefused:
    """Each reason, by an example that a trainer would show."""

    def test_an_office_of_the_same_city_is_refused_before_the_table_is_asked(self) -> None:
        """Two institutions of one operator are no linkage, even where a row would allow the roles."""
        deny = decide(BOOK, replace(MOVED, provider="tax-491004"))

        assert isinstance(deny, Deny)
        assert (deny.reason, deny.failed_condition) == (Reason.CLIENT_SAME_BODY, Condition.OPERATOR)
        assert deny.nearest_row is not None
        assert deny.nearest_row.id == "P07"

    def test_an_institution_may_not_ask_itself(self) -> None:
        """Requester and provider in one is the same body too."""
        assert _decision(replace(MOVED, provider=MOVED.requester))[0] is Reason.CLIENT_SAME_BODY

    def test_a_row_of_last_year_is_refused_from_its_last_day_on(self) -> None:
        """X01 allows until its last day inclusive, and is named when asked a day later."""
        ask = Ask(
            "nhi-491004",
            "residency-480011",
            "JM90000000000801",
            "JT90000000000801",
            "TM90000000000002",
            date(2026, 3, 31),
        )

        assert isinstance(decide(BOOK, ask), Permit)
        assert _decision(replace(ask, on=date(2026, 4, 1))) == (Reason.CLIENT_NOT_IN_FORCE, Condition.DATE, "X01")

    def test_consent_is_asked_for_only_where_the_row_needs_it(self) -> None:
        """P10 needs the statement of consent, P07 does not look at it."""
        assert isinstance(decide(BOOK, DEPENDANT), Permit)
        assert _decision(replace(DEPENDANT, consent=False)) == (
            Reason.CLIENT_CONSENT_MISSING,
            Condition.CONSENT,
            "P10",
        )
        assert decide(BOOK, MOVED) == decide(BOOK, replace(MOVED, consent=True))

    @pytest.mark.parametrize(
        ("affair", "procedure", "row"),
        [
            ("JM90000000000101", "JT90000000000103", "P07"),
            ("JM90000000000103", "JT90000000000101", "P09"),
        ],
    )
    def test_of_two_rows_equally_near_the_one_of_the_callers_affair_is_named(
        self, affair: str, procedure: str, row: str
    ) -> None:
        """A procedure of another affair is refused as the procedure, under the row of the affair that was named."""
        expected = (Reason.CLIENT_PROCEDURE_NOT_PERMITTED, Condition.PROCEDURE, row)

        assert _decision(replace(MOVED, affair=affair, procedure=procedure)) == expected

    def test_an_inquiry_that_meets_nothing_has_no_nearest_row(self) -> None:
        """When not one condition besides the date holds, no row is put forward as near."""
        nothing = Ask("residency-480011", "portal-main", "a", "b", "c", DAY)

        assert _decision(nothing) == (Reason.CLIENT_REQUESTER_NOT_PERMITTED, Condition.REQUESTER, None)

    @pytest.mark.parametrize("side", ["requester", "provider"])
    def test_an_unknown_institution_is_named_with_its_side(self, side: str) -> None:
        """An institution that is not in the register is refused as unknown, as the side on which it stands."""
        reason, condition, row = _decision(replace(MOVED, **{side: "tax-131041"}))

        assert (reason, condition.value, row) == (Reason.CLIENT_INSTITUTION_UNKNOWN, side, "P07")

    @pytest.mark.parametrize("variant", sorted(VARIANTS))
    def test_codes_are_compared_exactly(self, variant: str) -> None:
        """Another case, width, look-alike letter or added space is another code, and refused as that field."""
        tried = 0
        for field in FIELDS_OF_THE_TABLE:
            changed = VARIANTS[variant](getattr(MOVED, field))
            if changed != getattr(MOVED, field):
                assert _decision(replace(MOVED, **{field: changed}))[1:] == (Condition(field), "P07")
                tried += 1
        assert tried

    @given(field=st.sampled_from(FIELDS_OF_THE_TABLE), text=st.text(max_size=40))
    def test_any_other_text_is_refused_as_that_field(self, field: str, text: str) -> None:
        """Whatever stands in one field instead of its code, the refusal names that field and the original row."""
        known = {*BOOK.institutions, *BOOK.table.affairs, *BOOK.table.procedures, *BOOK.items}
        if text in known:
            return
        deny = decide(BOOK, replace(MOVED, **{field: text}))

        assert isinstance(deny, Deny)
        assert (deny.failed_condition.value, deny.nearest_row and deny.nearest_row.id) == (field, "P07")


class TestAssessments:
    """Both sides' impact assessments stand before every exchange."""

    @pytest.mark.parametrize(("side", "prefix"), [("requester", "CLIENT"), ("provider", "PROVIDER")])
    @pytest.mark.parametrize(
        ("pia", "state"),
        [
            (None, "MISSING"),
            (_filing(PiaLevel.BASIC, date(2025, 1, 1), date(2030, 1, 1)), "MISSING"),
            (_filing(PiaLevel.FOCUSED, DAY + timedelta(days=1), date(2031, 1, 1)), "MISSING"),
            (_filing(PiaLevel.FULL, date(2021, 5, 7), DAY), "EXPIRED"),
            (_filing(PiaLevel.FOCUSED, date(2021, 5, 8), DAY + timedelta(days=1)), None),
            (_filing(PiaLevel.FULL, DAY, date(2031, 1, 1)), None),
        ],
    )
    def test_each_side_needs_its_level_published_and_in_term(
        self, side: str, prefix: str, pia: PiaFiling | None, state: str | None
    ) -> None:
        """No assessment, one too low or too late is missing; one at its term is expired; the refusal says whose."""
        decision = decide(_with_pia(BOOK, getattr(MOVED, side), pia, PiaLevel.FOCUSED), MOVED)

        if state is None:
            assert isinstance(decision, Permit)
        else:
            assert isinstance(decision, Deny)
            assert decision.reason.value == f"{prefix}_PIA_{state}"
            assert decision.failed_condition is Condition.PIA
            assert decision.nearest_row is BOOK.rows["P07"]

    def test_an_institution_below_the_threshold_needs_none(self) -> None:
        """Where no assessment is required, none is asked for, nor is an expired one held against it."""
        for pia in (None, _filing(PiaLevel.BASIC, date(2015, 1, 1), date(2020, 1, 1))):
            book = _with_pia(BOOK, MOVED.requester, pia, PiaLevel.NOT_REQUIRED)
            assert isinstance(decide(book, MOVED), Permit)

    def test_the_assessment_of_one_small_tax_office_runs_out_in_2027(self) -> None:
        """The register carries a lesson: tax-480029 can be asked until 2027-09-30 and not on the day after."""
        ask = replace(MOVED, provider="tax-480029", on=date(2027, 9, 30))

        assert isinstance(decide(BOOK, ask), Permit)
        assert _decision(replace(ask, on=date(2027, 10, 1)))[0] is Reason.PROVIDER_PIA_EXPIRED


# --- Refusals derived from allowed requests by changing one field ----------------------------------------------------

Derived = tuple[str, str, Ask, LawBook, Rulings]
"""Original row, changed condition, the changed inquiry, the book to ask, what is ruled."""


def _allowed(raw: dict[str, Any]) -> list[tuple[str, Ask]]:
    """Every allowed combination, worked out from the plain files."""
    register, permissions = raw["institutions.toml"], raw["permissions.toml"]
    affair_of = {one["code"]: one["affair"] for one in permissions["procedure"]}
    found = []
    for row in permissions["row"]:
        on = min(DAY, row.get("effective_to", date.max))
        for requester in register["institution"]:
            for provider in register["institution"]:
                if (
                    requester["role"] in row["requester_roles"]
                    and provider["role"] in row["provider_roles"]
                    and requester["operator"] != provider["operator"]
                ):
                    codes = affair_of[row["procedure"]], row["procedure"], row["item"]
                    found.append((row["id"], Ask(requester["code"], provider["code"], *codes, on, consent=True)))
    return found


def _derive(raw: dict[str, Any], rng: random.Random) -> list[Derived]:
    """Changes of one field of each allowed request, in a random order."""
    register, permissions = raw["institutions.toml"], raw["permissions.toml"]
    operator = {one["code"]: one["operator"] for one in register["institution"]}
    derived: list[Derived] = []
    for row_id, ask in _allowed(raw):
        others = {
            "requester": [c for c in operator if operator[c] != operator[ask.provider]] + ["nhi-131041"],
            "provider": [c for c in operator if operator[c] != operator[ask.requester]] + ["tax-131041"],
            "affair": [one["code"] for one in permissions["affair"]] + ["JM90000000000999"],
            "procedure": [one["code"] for one in permissions["procedure"]] + ["JT90000000000999"],
            "item": [one["code"] for one in raw["items.toml"]["item"]] + ["TM90000000000999"],
        }
        for field, values in others.items():
            derived += [(row_id, field, replace(ask, **{field: value}), BOOK, APPROVED) for value in values]
        row = next(row for row in permissions["row"] if row["id"] == row_id)
        early = row["effective_from"] - timedelta(days=rng.randint(1, 2_000))
        derived.append((row_id, "date", replace(ask, on=early), BOOK, APPROVED))
        if "effective_to" in row:
            late = row["effective_to"] + timedelta(days=rng.randint(1, 500))
            derived.append((row_id, "date", replace(ask, on=late), BOOK, APPROVED))
        if row["consent_required"]:
            derived.append((row_id, "consent", replace(ask, consent=False), BOOK, APPROVED))
        if row["origin"] == "ordinance":
            approved = {key: day for key, day in APPROVED.approvals.items() if key != (ask.requester, row_id)}
            derived.append((row_id, "ordinance", ask, BOOK, Rulings(approvals=approved)))
        for code in (ask.requester, ask.provider):
            derived.append((row_id, "pia", ask, _with_pia(BOOK, code, None), APPROVED))
            expired = _filing(PiaLevel.FULL, date(2015, 1, 1), date(2017, 1, 1))
            derived.append((row_id, "pia", ask, _with_pia(BOOK, code, expired), APPROVED))
    rng.shuffle(derived)
    return derived


def _failures(raw: dict[str, Any], ask: Ask) -> dict[str, list[str]]:
    """The conditions of each row that `ask` fails; from the plain files."""
    role = {one["code"]: one["role"] for one in raw["institutions.toml"]["institution"]}
    affair_of = {one["code"]: one["affair"] for one in raw["permissions.toml"]["procedure"]}
    failures = {}
    for row in raw["permissions.toml"]["row"]:
        met = {
            "requester": role.get(ask.requester) in row["requester_roles"],
            "affair": ask.affair == affair_of[row["procedure"]],
            "procedure": ask.procedure == row["procedure"],
            "provider": role.get(ask.provider) in row["provider_roles"],
            "item": ask.item == row["item"],
            "date": row["effective_from"] <= ask.on <= row.get("effective_to", date.max),
        }
        failures[row["id"]] = [name for name, holds in met.items() if not holds]
    return failures


def test_five_hundred_refusals_by_one_change_name_the_change_and_the_original_row(raw: dict[str, Any]) -> None:
    """Each refusal that is one change away from one allowed request only names that field and that row.

    Where two requests are each one change away (a procedure of one row under the affair of another), both are named.
    """
    counted: Counter[str] = Counter()
    ambiguous = 0
    for row_id, field, ask, book, ruled in _derive(raw, random.Random(20260406)):
        deny = decide(book, ask, ruled)
        if isinstance(deny, Permit):
            assert [] in _failures(raw, ask).values(), ask
            continue
        near = {(row, failed[0]) for row, failed in _failures(raw, ask).items() if len(failed) == 1}
        if field in FIELDS_OF_THE_TABLE and len(near) > 1:
            named = {(miss.row.id, miss.failed[0].value) for miss in (deny.nearest, *deny.also_near) if miss}
            assert named == near
            ambiguous += 1
            continue
        assert deny.nearest_row is not None
        assert (deny.failed_condition.value, deny.nearest_row.id) == (field, row_id), ask
        assert not deny.also_near
        counted[field] += 1

    assert set(counted) == {*FIELDS_OF_THE_TABLE, "date", "consent", "ordinance", "pia"}
    assert sum(counted.values()) >= 500
    assert min(counted.values()) >= 8
    assert 0 < ambiguous < sum(counted.values()) / 4


def test_every_reason_occurs(raw: dict[str, Any]) -> None:
    """The closed set of reasons holds no dead one: each is reached from the shipped data, a changed assessment or a ruling."""
    seen = {Reason.CLIENT_SAME_BODY} | {reason for reason, _ in RULED.values()}
    for _, _, ask, book, ruled in _derive(raw, random.Random(1)):
        deny = decide(book, ask, ruled)
        if isinstance(deny, Deny):
            seen.add(deny.reason)

    assert seen == set(Reason)


def test_reasons_say_whose_side_failed() -> None:
    """Each reason begins with the side that has to act."""
    assert all(reason.value.startswith(("CLIENT_", "PROVIDER_")) for reason in Reason)


@given(
    requester=st.sampled_from(sorted(BOOK.institutions)),
    provider=st.sampled_from(sorted(BOOK.institutions)),
    procedure=st.sampled_from(sorted(BOOK.table.procedures)),
    affair=st.sampled_from(sorted(BOOK.table.affairs)),
    item=st.sampled_from(sorted(BOOK.items)),
    on=st.dates(date(2015, 1, 1), date(2030, 1, 1)),
    consent=st.booleans(),
)
def test_the_decision_agrees_with_a_plain_reading_of_the_table(
    requester: str, provider: str, procedure: str, affair: str, item: str, on: date, consent: bool
) -> None:
    """For any combination, permitted means: a row names all of it, in force, with consent, between bodies with assessments.

    Nothing is ruled, so a row by ordinance permits nothing.
    """
    one, other = BOOK.institutions[requester], BOOK.institutions[provider]
    allowing = [
        row
        for row in BOOK.rows.values()
        if one.role.code in row.requester_roles
        and other.role.code in row.provider_roles
        and (row.affair.code, row.procedure.code, row.item) == (affair, procedure, item)
        and row.effective_from <= on
        and (row.effective_to is None or on <= row.effective_to)
        and (consent or not row.consent_required)
        and row.origin is Origin.STATUTE
    ]
    expected = bool(allowing) and one.operator != other.operator and _assessed(one, on) and _assessed(other, on)

    decision = decide(BOOK, Ask(requester, provider, affair, procedure, item, on, consent=consent))

    assert isinstance(decision, Permit) == expected


def _assessed(one: Institution, on: date) -> bool:
    if one.declared_size < 1000:
        return True
    return one.pia is not None and one.pia.published_on <= on < one.pia.expires_on
