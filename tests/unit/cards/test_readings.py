"""How names are read aloud on the trainer's pages."""

from warifu.simulator.cards.tray import fold
from warifu.simulator.readings import Reading, latin, reading


def test_the_reading_is_in_the_language_of_the_page() -> None:
    """Katakana on a Japanese page; on an English one Latin letters, and nothing where the name is in them already."""
    assert reading("加藤　和也", "カトウ　カズヤ", "ja") == Reading("カトウ　カズヤ", "ja")
    assert reading("加藤　和也", "カトウ　カズヤ", "en") == Reading("KATO KAZUYA", "en")
    assert reading("SOUZA GABRIEL", "ソウザ　ガブリエル", "en") is None


def test_a_reading_with_foreign_syllables_stays_as_it_is() -> None:
    """What has no Latin letters by the rule of passports is shown in katakana, and never wrongly."""
    assert latin("ティナ") == ""
    assert reading("田中　ティナ", "タナカ　ティナ", "en") == Reading("タナカ　ティナ", "ja")


def test_cards_are_found_by_latin_letters() -> None:
    """What a reader of English types is what the tray searches, whatever the case and the spaces."""
    assert fold("Kato kazuya") == fold(latin("カトウ　カズヤ"))
