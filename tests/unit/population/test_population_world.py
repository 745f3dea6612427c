"""The fictional country: numbers that are right and nobody's, shares that add up."""

from importlib.resources import files

import pytest

from warifu.numbers import NumberError, NumberFlaw, corporate_number, insurer_number, local_government_code
from warifu.simulator.population import generate, load_world, parse_world

TEXT = (files("warifu.simulator.population") / "world.toml").read_text(encoding="utf-8")


def test_all_numbers_are_well_formed_and_fictional():
    """Every code and number of the world passes its check, and belongs to prefecture 48 and up."""
    world = load_world()
    for municipality in world.municipalities:
        assert local_government_code.check(municipality.lg_code)
        assert insurer_number.check(municipality.nhi_insurer_number)
        assert municipality.operator.corporate_number == corporate_number.for_local_government(municipality.lg_code)
    for insurer in (world.employees_insurer, world.union):
        assert insurer_number.check(insurer.number)
        assert corporate_number.check(insurer.operator.corporate_number)
    for employer in world.employers:
        assert corporate_number.check(employer.corporate_number)
        assert employer.municipality in world.by_code


def test_a_real_or_mistyped_number_stops_the_reading():
    """A world with a real body's code, or with a wrong check digit, is refused."""
    for wrong, flaw in (("131041", NumberFlaw.OUTSIDE_BLOCK), ("480012", NumberFlaw.CHECK_DIGIT)):
        with pytest.raises(NumberError) as caught:
            parse_world(TEXT.replace('lg_code = "480011"', f'lg_code = "{wrong}"'))
        assert caught.value.kind is flaw


def test_institution_codes_follow_from_the_numbers():
    """Each municipality runs three institutions, and the two insurers are one each."""
    assert load_world().institutions == (
        *("residency-480011", "tax-480011", "nhi-480011"),
        *("residency-480029", "tax-480029", "nhi-480029"),
        *("residency-490016", "tax-490016", "nhi-490016"),
        *("residency-491004", "tax-491004", "nhi-491004"),
        *("insurer-06480016", "union-39480017"),
    )


def test_shares_add_up_and_towns_use_the_unused_postal_prefix():
    """Shares of people and of jobs are each one in all; every postal code begins with 000."""
    world = load_world()
    assert sum(m.share for m in world.municipalities) == pytest.approx(1)
    assert sum(e.weight for e in world.employers) == pytest.approx(1)
    places = [*(m.place for m in world.municipalities), *world.elsewhere]
    assert all(t.postal_code.startswith("000") and len(t.postal_code) == 7 for place in places for t in place.towns)


def test_people_live_in_the_proportions_of_the_shares():
    """The municipalities have about their shares of a population."""
    world = load_world()
    people = [p for h in generate(6, 3000) for p in h if p.present is not None]
    for municipality in world.municipalities:
        part = sum(p.present.municipality == municipality.lg_code for p in people) / len(people)
        assert abs(part - municipality.share) < 0.06


def test_addresses_read_in_both_languages():
    """An address names prefecture, municipality, town and number in Japanese order and the reverse in English."""
    for household in generate(1, 60):
        for person in household:
            address = person.last_address
            assert address.ja.startswith(address.area_ja + address.town_ja)
            assert address.en.endswith("Prefecture")
            assert address.en.isascii()
            assert (address.building_ja is None) == (address.building_en is None)
