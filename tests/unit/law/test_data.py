"""The shipped data: complete, within the contracts, about fictional bodies only."""

import re
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from warifu.items.v1 import items_pb2
from warifu.law import Ask, Deny, LawBook, Origin, Permit, Reason, Rulings, askable, decide, packaged_files, unverified

ROOT = Path(__file__).parents[3]
WORLD = ROOT / "simulator/warifu/simulator/population/world.toml"
LISTED_ROWS = {f"P{number:02}" for number in range(1, 28)}
START, LATEST = date(2026, 4, 6), date(2027, 9, 30)


def _listed(row_id: str) -> str:
    return row_id[:3]


def test_every_listed_row_is_in_the_table_or_left_out_with_a_reason(book: LawBook) -> None:
    """Each of the 27 gathered rows is a permission row or an entry of what is left out."""
    accounted = {_listed(row) for row in book.rows} | {_listed(one.id) for one in book.left_out}

    assert LISTED_ROWS - accounted == set()


def test_rows_whose_two_sides_exist_here_are_in_the_table(book: LawBook) -> None:
    """The table holds the rows between residency, tax, insurers and child welfare, the citizen's own request, and one ended row."""
    listed = {"P01", "P02", "P07", "P08", "P09", "P10", "P11", "P13", "P16", "P21", "P27"}
    assert listed == {_listed(r) for r in book.rows if r.startswith("P")}
    assert {r.item for r in book.rows.values() if r.requester_roles == ("portal",)} == set(book.items)
    ended = [row for row in book.rows.values() if row.effective_to and row.effective_to < START]
    assert [row.id for row in ended] == ["X01"]
    assert ended[0].invented


def test_left_out_rows_wait_for_a_role_that_does_not_exist(book: LawBook) -> None:
    """A left-out row whose roles all exist by now is found, so that it becomes a row or gets another reason."""
    overdue = [one.id for one in book.left_out if one.missing and set(one.missing) <= set(book.register.roles)]

    assert overdue == []


def test_released_fields_exist_in_the_items_contract(book: LawBook) -> None:
    """Every field of every item, and so every field that a row releases, is a field of that item's message."""
    for item in book.items.values():
        message = items_pb2.DESCRIPTOR.message_types_by_name[item.message]
        assert {field.path for field in item.fields} == {field.name for field in message.fields}
        assert items_pb2.ItemContent.DESCRIPTOR.fields_by_name[item.content].message_type is message


def test_enum_values_have_names_for_people(book: LawBook) -> None:
    """Every enum field of an item names each value but the unspecified one."""
    for item in book.items.values():
        for field in items_pb2.DESCRIPTOR.message_types_by_name[item.message].fields:
            expected = [value.name for value in field.enum_type.values[1:]] if field.enum_type else []
            assert [name for name, _ in item.field(field.name).values] == expected


def test_purposes_say_something_in_three_forms_without_article_numbers(raw) -> None:
    """Each row's purpose exists in Japanese, English and easy Japanese and names no article."""
    article = re.compile(r"\d+\s*条|[一二三四五六七八九十]条|別表|\bArticle\b|\bart\.", re.IGNORECASE)
    for row in raw["permissions.toml"]["row"]:
        assert set(row["purpose"]) == {"ja", "en", "plain"}, row["id"]
        assert not [text for text in row["purpose"].values() if len(text) < 15 or article.search(text)], row["id"]


def test_codes_are_of_synthetic_ranges_and_none_is_a_known_real_one(raw) -> None:
    """Affair, procedure and item codes begin with JM9, JT9, TM9; no code that real systems are seen to use appears."""
    everything = "".join(content.decode() for content in packaged_files().values())
    codes = re.findall(r"\b(?:JM|JT|TM)[0-9A-Z]{6,}\b", everything)

    assert codes
    assert {code[:3] for code in codes} == {"JM9", "JT9", "TM9"}
    assert {len(code) for code in codes} == {16}


def test_each_day_of_a_row_has_exactly_one_citation(raw) -> None:
    """From a row's first day to its last, or today's end of training, one and only one citation holds."""
    for row in raw["permissions.toml"]["row"]:
        day, last = row["effective_from"], row.get("effective_to", date(2028, 1, 1))
        while day <= last:
            held = [c for c in row["citation"] if c["valid_from"] <= day <= c.get("valid_to", date.max)]
            assert len(held) == 1, (row["id"], day)
            day += timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "article"),
    [
        (date(2021, 8, 31), "19(7); table 2: 27"),
        (date(2021, 9, 1), "19(8); table 2: 27"),
        (date(2024, 5, 26), "19(8); table 2: 27"),
        (date(2024, 5, 27), "19(8); order 9/2024, art. 2 table"),
    ],
)
def test_the_citation_follows_the_renumbering_of_the_act(book: LawBook, day: date, article: str) -> None:
    """The article changes with the amendments of 2021-09-01 and 2024-05-27, to the day."""
    assert book.rows["P16"].citation_on(day).article == article


def test_an_unverified_citation_says_why_it_is_believed(raw) -> None:
    """Whether verified or not, each citation names its source; nothing of the ministerial order counts as verified."""
    for row in raw["permissions.toml"]["row"]:
        for citation in row["citation"]:
            assert citation["source"].strip()
            assert not (citation["law"] == "provision-order" and citation["verified"])


def test_some_citations_are_verified_and_the_others_are_listed(book: LawBook) -> None:
    """Both states occur; the list of unverified ones leaves out invented rows."""
    listed = list(unverified(book))

    assert {row.id for row, _ in listed} == set(book.rows) - {"X01"}
    assert len(listed) < sum(len(row.citations) for row in book.rows.values())


def test_the_register_agrees_with_the_world(raw) -> None:
    """Codes, bodies, numbers and sizes of the register follow from the fictional world that the population lives in."""
    world, register = tomllib.loads(WORLD.read_text(encoding="utf-8")), raw["institutions.toml"]
    operators = {one["code"]: one for one in register["operator"]}
    institutions = {one["code"]: one for one in register["institution"]}
    expected = {"portal-main"}
    for town in world["municipality"]:
        for kind in ("residency", "tax", "nhi", "welfare"):
            code = f"{kind}-{town['lg_code']}"
            expected.add(code)
            one, operator = institutions[code], operators[institutions[code]["operator"]]
            assert one["ja"].startswith(town["ja"])
            assert one["en"].startswith(town["en"])
            assert operator["lg_code"] == town["lg_code"]
            assert {k: operator[k] for k in ("ja", "en", "corporate_number")} == town["operator"]
            assert one["declared_size"] <= town["declared_population"]
            assert one.get("insurer_number") == (town["nhi_insurer_number"] if kind == "nhi" else None)
        assert institutions[f"residency-{town['lg_code']}"]["declared_size"] == town["declared_population"]
    for insurer in world["insurer"]:
        code = f"{insurer['kind']}-{insurer['number']}"
        expected.add(code)
        one, operator = institutions[code], operators[institutions[code]["operator"]]
        assert (one["ja"], one["en"], one["insurer_number"]) == (insurer["ja"], insurer["en"], insurer["number"])
        assert one["declared_size"] == insurer["declared_population"]
        assert operator["corporate_number"] == insurer["operator"]["corporate_number"]
        assert operator.get("lg_code") == insurer["operator"].get("lg_code")
    assert set(institutions) == expected


def test_numbers_of_bodies_have_correct_check_digits(raw) -> None:
    """Corporate and local-government numbers satisfy the public formulas; no local-government code is a real one's."""
    for operator in raw["institutions.toml"]["operator"]:
        number = operator["corporate_number"]
        weighted = sum(int(d) * (1 if place % 2 else 2) for place, d in enumerate(reversed(number[1:]), 1))
        assert int(number[0]) == 9 - weighted % 9, operator["code"]
        if code := operator.get("lg_code"):
            weighted = sum(int(d) * weight for d, weight in zip(code, (6, 5, 4, 3, 2), strict=False))
            assert int(code[5]) == (11 - weighted % 11) % 10, operator["code"]
            assert int(code[:2]) >= 48


def test_all_four_levels_of_assessment_are_required_of_someone(book: LawBook) -> None:
    """The declared sizes make each level occur."""
    assert sorted({one.pia_required for one in book.institutions.values()}) == [0, 1, 2, 3]


@pytest.mark.parametrize("day", [START, date(2026, 12, 31), date(2027, 3, 31), LATEST])
def test_everything_askable_is_allowed_throughout_the_training_period(book: LawBook, day: date) -> None:
    """On any day of the simulated period each institution may do what it is shown as open.

    With consent where it is needed, and the supervisor's approval where an ordinance is the ground.
    """
    approvals = {
        (code, row.id): START
        for code in book.institutions
        for row in book.rows.values()
        if row.origin is Origin.ORDINANCE
    }
    asked = 0
    for code in book.institutions:
        for one in askable(book, code, day):
            row = one.row
            for provider in one.providers:
                ask = Ask(code, provider.code, row.affair.code, row.procedure.code, row.item, day, consent=True)
                assert isinstance(decide(book, ask, Rulings(approvals=approvals)), Permit), ask
                asked += 1
    assert asked > 50


def test_what_an_ordinance_allows_waits_for_the_supervisor(book: LawBook) -> None:
    """Every ordinance row of the table is refused, whoever asks and whatever consent there is, until it is approved for that body."""
    rows = [row for row in book.rows.values() if row.origin is Origin.ORDINANCE]
    refused = [
        decide(book, Ask(code, other.code, row.affair.code, row.procedure.code, row.item, START, consent=True))
        for row in rows
        for code in book.institutions
        for one in askable(book, code, START)
        if one.row is row
        for other in one.providers
    ]

    assert {row.id for row in rows} == {"P27", "P27B"}
    assert refused
    assert all(isinstance(one, Deny) and one.reason is Reason.CLIENT_ORDINANCE_NOT_APPROVED for one in refused)
