"""Katakana to Latin letters, in the manner of Japanese passports (Hepburn without long-vowel marks)."""

from functools import lru_cache

_PLAIN = {
    "ア": "A", "イ": "I", "ウ": "U", "エ": "E", "オ": "O",
    "カ": "KA", "キ": "KI", "ク": "KU", "ケ": "KE", "コ": "KO", "ガ": "GA", "ギ": "GI", "グ": "GU", "ゲ": "GE", "ゴ": "GO",
    "サ": "SA", "シ": "SHI", "ス": "SU", "セ": "SE", "ソ": "SO", "ザ": "ZA", "ジ": "JI", "ズ": "ZU", "ゼ": "ZE", "ゾ": "ZO",
    "タ": "TA", "チ": "CHI", "ツ": "TSU", "テ": "TE", "ト": "TO", "ダ": "DA", "ヂ": "JI", "ヅ": "ZU", "デ": "DE", "ド": "DO",
    "ナ": "NA", "ニ": "NI", "ヌ": "NU", "ネ": "NE", "ノ": "NO", "ハ": "HA", "ヒ": "HI", "フ": "FU", "ヘ": "HE", "ホ": "HO",
    "バ": "BA", "ビ": "BI", "ブ": "BU", "ベ": "BE", "ボ": "BO", "パ": "PA", "ピ": "PI", "プ": "PU", "ペ": "PE", "ポ": "PO",
    "マ": "MA", "ミ": "MI", "ム": "MU", "メ": "ME", "モ": "MO", "ヤ": "YA", "ユ": "YU", "ヨ": "YO",
    "ラ": "RA", "リ": "RI", "ル": "RU", "レ": "RE", "ロ": "RO", "ワ": "WA", "ヲ": "O", "ン": "N", "ヴ": "VU", "ー": "",
}  # fmt: skip
_GLIDES = {"ャ": "A", "ュ": "U", "ョ": "O"}
_DROPS_Y = {"SHI", "CHI", "JI"}
_LONG = {("オ", "O"), ("ウ", "O"), ("ウ", "U")}
# Two vowels that belong to two words, which the rule for long vowels cannot see.
_EXCEPTIONS = {"イノウエ": "INOUE", "マツウラ": "MATSUURA"}


@lru_cache(maxsize=4096)
def romanise(kana: str) -> str:
    """Upper-case Latin letters for a reading in katakana: サトウ gives SATO, ホンマ gives HOMMA. ``KeyError`` for others."""
    if kana in _EXCEPTIONS:
        return _EXCEPTIONS[kana]
    text = ""
    lengthened = doubled = False
    for syllable in _syllables(kana):
        if syllable == "ッ":
            doubled = True
            continue
        if (syllable, text[-1:]) in _LONG and not lengthened:
            lengthened = True
            continue
        lengthened = False
        letters = _letters(syllable)
        if text.endswith("N") and letters[:1] in {"B", "M", "P"}:
            text = text[:-1] + "M"
        text += ("T" if letters.startswith("CH") else letters[:1]) * doubled + letters
        doubled = False
    return text


def _syllables(kana: str) -> list[str]:
    """Katakana grouped with the small letters that follow them."""
    groups: list[str] = []
    for letter in kana:
        if letter in _GLIDES and groups:
            groups[-1] += letter
        else:
            groups.append(letter)
    return groups


def _letters(syllable: str) -> str:
    base = _PLAIN[syllable[0]]
    if len(syllable) == 1:
        return base
    return base[:-1] + ("" if base in _DROPS_Y else "Y") + _GLIDES[syllable[1]]
