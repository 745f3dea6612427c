"""Folding of basic items: what counts as the same person, and what never does."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError, Reason


def items(**changes) -> common_pb2.BasicItems:
    """Somebody's four items."""
    values = {"name": "高橋　辺", "address": "青凪市ケ丘1-2-3", "birth_date": "1990-05-01", "sex": common_pb2.SEX_MALE}
    return common_pb2.BasicItems(**{**values, **changes})


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("name", "髙橋 邉"),
        ("name", " 高橋辺 "),
        ("name", "高\U000e0101橋　邊"),
        ("address", "青凪市ヶ丘１－２－３"),
        ("address", "青凪市ケ丘1‐2−3"),
        ("address", "青凪市ケ丘1ー2ー3"),
        ("kana", "タカハシ　ヘン"),
    ],
)
def test_spelling_is_no_difference(field: str, other: str) -> None:
    """Width, spacing, variant kanji, selectors, dashes and the reading make no difference."""
    assert basic_items.digest(items(**{field: other})) == basic_items.digest(items())


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("name", "高橋　辻"),
        ("name", "斉藤"),
        ("address", "青凪市ケ丘1-2-4"),
        ("address", "青凪市ケ丘12-3"),
        ("birth_date", "1990-05-02"),
        ("sex", common_pb2.SEX_FEMALE),
    ],
)
def test_a_near_miss_is_a_difference(field: str, other: object) -> None:
    """Another character, digit, day or sex is somebody else."""
    assert basic_items.digest(items(**{field: other})) != basic_items.digest(items())


def test_saito_and_saito_are_two_names() -> None:
    """斎藤 and 斉藤, which share a reading, stay different, whatever old form each is written in."""
    assert basic_items.fold("齋藤") == basic_items.fold("斎藤")
    assert basic_items.fold("齊藤") == basic_items.fold("斉藤")
    assert basic_items.fold("斎藤") != basic_items.fold("斉藤")


def test_latin_names_fold_case_and_width() -> None:
    """A foreign resident's name matches in any case and width, kana long marks in names stay."""
    assert basic_items.fold("ＭＥＹＥＲ  Ａｎｎａ") == basic_items.fold("Meyer Anna")
    assert basic_items.fold("ﾒｰﾔｰ") == basic_items.fold("メーヤー")
    assert basic_items.fold("メーヤー") != basic_items.fold("メ-ヤ-")


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """What was folded folds to itself, whatever it was."""
    once = basic_items.fold(text)
    assert basic_items.fold(once) == once


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1))
def test_folding_keeps_the_number_of_kanji(text: str) -> None:
    """Folding changes kanji one for one: none is lost and none added."""
    assert len(basic_items.fold(text)) == len(text)


@given(st.text(min_size=1), st.text(min_size=1))
def test_name_and_address_never_run_together(name: str, address: str) -> None:
    """Moving the border between name and address makes other items, unless folding removes what was moved."""
    moved = items(name=name + address[:1], address=address[1:] or "x")
    if basic_items.fold(address[:1]) and basic_items.fold(moved.name) != basic_items.fold(name):
        assert basic_items.digest(moved) != basic_items.digest(items(name=name, address=address))


def test_variants_are_pairs() -> None:
    """No variant is the standard form of another, so that one step folds all, and compatibility forms are left to Unicode."""
    table = basic_items._VARIANTS
    assert not set(table) & set(table.values())
    assert all(unicodedata.normalize("NFKC", chr(variant)) == chr(variant) for variant in table)


@pytest.mark.parametrize("missing", ["name", "address", "birth_date", "sex"])
def test_four_items_are_four(missing: str) -> None:
    """Each of the four is required; the reading is not."""
    few = items()
    few.ClearField(missing)
    with pytest.raises(LinkageError) as refused:
        basic_items.require(few)
    assert refused.value.reason == Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "   "}, Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS),
        ({"name": "名" * 101}, Reason.CLIENT_TOO_LARGE),
        ({"address": "所" * 201}, Reason.CLIENT_TOO_LARGE),
        ({"name": "名\n簿"}, Reason.CLIENT_MALFORMED),
        ({"birth_date": "1990-02-30"}, Reason.CLIENT_MALFORMED),
        ({"birth_date": "19900501"}, Reason.CLIENT_MALFORMED),
        ({"birth_date": "１９９０-05-01"}, Reason.CLIENT_MALFORMED),
        ({"sex": 9}, Reason.CLIENT_MALFORMED),
    ],
    ids=["blank", "long-name", "long-address", "line-feed", "no-such-day", "no-dashes", "wide-digits", "unknown-sex"],
)
def test_items_that_cannot_be(changes: dict, reason: Reason) -> None:
    """Blank, over-long and malformed items are refused by their own reason."""
    with pytest.raises(LinkageError) as refused:
        basic_items.require(items(**changes))
    assert refused.value.reason == reason
