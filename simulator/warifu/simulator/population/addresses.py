"""Addresses in the fictional towns, and elsewhere."""

from warifu.simulator.population.dice import Dice, Table
from warifu.simulator.population.model import ABROAD, Address
from warifu.simulator.population.world import Municipality, Place, World

# Buildings (方書) in Japanese and English; None is a house of one's own.
_BUILDINGS: Table[tuple[str, str] | None] = Table(
    [
        (None, 60),
        (("コーポ青柳", "Corpo Aoyagi"), 6),
        (("メゾン・ド・汐", "Maison de Shio"), 6),
        (("ハイツ見晴", "Heights Miharashi"), 6),
        (("第二楠荘", "Kusunoki-so No. 2"), 4),
        (("グランツ千貝Ⅱ", "Glanz Sengai II"), 4),
        (("サンライズ渡場 南棟", "Sunrise Watashiba, South Wing"), 4),
        (("市営灯台団地1号棟", "Todai Municipal Housing, Block 1"), 4),
        (("パークヒルズ鴎ヶ丘壱番館", "Park Hills Kamomegaoka Ichibankan"), 3),
        (("特別養護老人ホーム凪の里", "Nagi-no-sato Nursing Home"), 1),
    ]
)
_COUNTRIES = (("アメリカ合衆国", "United States of America"), ("ドイツ", "Germany"), ("シンガポール", "Singapore"))


def address_in(place: Place, dice: Dice) -> Address:
    """A new address somewhere in ``place``; two calls agree only by chance."""
    town = dice.pick(place.towns)
    if town.chome:
        chome, block, house = dice.whole(1, town.chome), dice.whole(1, 42), dice.whole(1, 28)
        number_ja, number_en = f"{chome}丁目{block}番{house}号", f"{chome}-{block}-{house}"
    else:
        lot, sub = dice.whole(1, 3400), dice.whole(0, 9)
        number_ja = f"{lot}番地{sub}" if sub else f"{lot}番地"
        number_en = f"{lot}-{sub}" if sub else f"{lot}"
    building = dice.draw(_BUILDINGS)
    room = f"{dice.whole(1, 9)}{dice.whole(1, 12):02d}" if building else ""
    return Address(
        lg_code=place.lg_code,
        area_ja=place.ja,
        area_en=place.en,
        town_ja=town.ja,
        town_en=town.en,
        number_ja=number_ja,
        number_en=number_en,
        building_ja=f"{building[0]}{room}号室" if building else None,
        building_en=f"{building[1]} {room}" if building else None,
        postal_code=town.postal_code,
    )


def address_abroad(country_ja: str, country_en: str) -> Address:
    """A country, which is all that the record keeps of an address abroad."""
    return Address(ABROAD, country_ja, country_en)


def address_outside(world: World, dice: Dice) -> Address:
    """An address in another fictional prefecture, seldom one abroad."""
    if dice.chance(0.03):
        return address_abroad(*dice.pick(_COUNTRIES))
    return address_in(dice.pick(world.elsewhere), dice)


def other_municipality(world: World, here: Municipality, dice: Dice) -> Municipality:
    """One of the municipalities here that is not ``here``."""
    return dice.pick([municipality for municipality in world.municipalities if municipality is not here])
