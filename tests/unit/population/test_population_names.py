"""Names: enough of them, with readings, in the spellings that break forms."""

import re
import unicodedata

import pytest

from warifu.simulator.population import Sex, find, generate
from warifu.simulator.population import names as n
from warifu.simulator.population.dice import Dice
from warifu.simulator.population.romanise import romanise

KATAKANA = re.compile(r"[ァ-ヺー]+")


def given_names():
    """Every given name of every cohort, by sex."""
    return [(sex, r) for sex, (_, tables) in n.given_tables().items() for table in tables for r in table.items]


def test_there_are_three_hundred_family_and_six_hundred_given_names():
    """The tables hold at least 300 family names and 600 given names, each different in spelling or reading."""
    assert len({(r.text, r.kana) for r in n.family_table().items}) == len(n.family_table().items) >= 300
    assert len({(r.text, r.kana) for _, r in given_names()}) >= 600


def test_every_name_has_a_reading_and_latin_letters():
    """Readings are katakana, Latin forms are upper-case ASCII, for Japanese and foreign names alike."""
    foreign = [
        r
        for nation in n.nationalities().items
        for r in (*nation.family, *nation.given[Sex.MALE], *nation.given[Sex.FEMALE])
    ]
    for reading in (*n.family_table().items, *(r for _, r in given_names()), *foreign):
        assert all(KATAKANA.fullmatch(part) for part in reading.kana.split("\u3000")), reading
        assert re.fullmatch(r"[A-Z][A-Z '-]*", reading.latin), reading
    assert all(not reading.text.isascii() for reading in n.family_table().items)


def test_given_names_follow_the_years_of_birth():
    """Each sex has five cohorts from before 1946 to after 2000, and their names differ."""
    for starts, tables in n.given_tables().values():
        assert starts == (0, 1946, 1966, 1986, 2001)
        sets = [{r.text for r in table.items} for table in tables]
        assert all(len(table) >= 55 for table in sets)
        assert len(sets[0] & sets[4]) <= 2


@pytest.mark.parametrize(
    ("kana", "latin"),
    [
        ("サトウ", "SATO"),
        ("オオタ", "OTA"),
        ("オオウチ", "OUCHI"),
        ("イノウエ", "INOUE"),
        ("ホンマ", "HOMMA"),
        ("ハットリ", "HATTORI"),
        ("コッチ", "KOTCHI"),
        ("リョウ", "RYO"),
        ("ユウコ", "YUKO"),
        ("シュンスケ", "SHUNSUKE"),
        ("カンナ", "KANNA"),
        ("ジュンイチ", "JUNICHI"),
        ("チョウソカベ", "CHOSOKABE"),
        ("タケウチ", "TAKEUCHI"),
        ("テッペイ", "TEPPEI"),
    ],
)
def test_romanisation_is_that_of_passports(kana, latin):
    """Long vowels are dropped, double consonants and M before B, M, P are written, as in passports."""
    assert romanise(kana) == latin


def test_variant_spellings_leave_the_basic_plane():
    """There are variants with a character outside the Basic Multilingual Plane and with a variation selector."""
    texts = n.VARIANTS.values()
    assert any(unicodedata.name(c, "").startswith("CJK UNIFIED") and ord(c) > 0xFFFF for t in texts for c in t)
    assert any("VARIATION SELECTOR" in unicodedata.name(c, "") for t in texts for c in t)
    assert all(common != variant for common, variant in n.VARIANTS.items())
    assert {"髙橋", "𠮷田", "山﨑", "齋藤"} <= set(texts)
    dice = Dice("test")
    assert all(n.variant_family(dice).text in texts for _ in range(50))


def test_long_names_have_forty_characters():
    """The long names are of exactly 40 characters, for either sex."""
    assert {len(name.full) for _, name in n.long_names().values()} == {40}
    assert set(n.long_names()) == {Sex.MALE, Sex.FEMALE}


def test_a_name_is_written_in_three_ways():
    """A name has its record spelling with an ideographic space, its reading and its Latin form."""
    name = n.japanese(n.Reading("髙橋", "タカハシ", "TAKAHASHI"), n.Reading("葵", "アオイ", "AOI"))
    assert (name.full, name.kana, name.latin) == ("髙橋\u3000葵", "タカハシ\u3000アオイ", "TAKAHASHI AOI")
    foreign = n.foreign(n.Reading("SMITH", "スミス", "SMITH"), n.Reading("SARAH ANNE", "サラ\u3000アン", "SARAH ANNE"))
    assert foreign.full == foreign.latin == "SMITH SARAH ANNE"


def test_special_names_are_in_every_population():
    """A former surname is not the present one, an alias is Japanese, one-character names have one character each."""
    households = list(generate(8, 200))
    for person in find(households, "former-surname"):
        assert person.former_surname.text != person.name.family
    for person in find(households, "alias"):
        assert person.foreign.alias.separator == "\u3000"
        assert person.name.separator == " "
    for person in find(households, "one-character-name"):
        assert (len(person.name.family), len(person.name.given)) == (1, 1)
    for person in find(households, "foreign"):
        assert person.foreign.nationality_ja
        assert person.foreign.status_en


def test_a_marriage_changes_a_name_from_its_day_on():
    """Who took the spouse's name had the old one until the day before."""
    for person in find(generate(8, 1500), "renamed"):
        first, second = person.names
        assert first.name.given == second.name.given
        assert person.name_on(second.since) == second.name
        assert person.name_on(person.birth_date) == first.name


def test_dice_keep_to_their_ranges():
    """Whole numbers and days include both ends and nothing else; weights decide how often."""
    dice = Dice("ranges")
    assert {dice.whole(3, 5) for _ in range(200)} == {3, 4, 5}
    table = n.Table([("often", 9.0), ("seldom", 1.0)])
    drawn = [dice.draw(table) for _ in range(2000)]
    assert 1700 < drawn.count("often") < 1900
    assert {dice.pick("ab") for _ in range(50)} == {"a", "b"}
