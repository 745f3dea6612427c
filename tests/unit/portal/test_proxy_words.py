"""Pairing words: what is shown can be typed in many ways, and what was not shown cannot."""

import unicodedata
from hashlib import sha256

from hypothesis import assume, given
from hypothesis import strategies as st

from warifu.portal.proxies import words

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PLAIN = st.text(LETTERS, min_size=12, max_size=12)


def test_a_word_has_sixty_random_bits() -> None:
    """A word is three groups of four letters of an alphabet of 32; no two of a thousand are alike, and each place takes every letter."""
    made = {words.make() for _ in range(1000)}
    assert len(made) == 1000
    assert all([len(group) for group in word.split("-")] == [4, 4, 4] for word in made)
    plain = [word.replace("-", "") for word in made]
    assert all({word[place] for word in plain} == set(LETTERS) for place in range(12))


@given(PLAIN)
def test_the_hash_is_of_the_letters_alone(word: str) -> None:
    """What is kept is the SHA-256 of the twelve letters, and so tells nothing but them."""
    assert words.word_hash(word) == sha256(word.encode()).digest()


@given(
    PLAIN, st.lists(st.sampled_from(["-", " ", "ー", "－", "‐", "　", "–", "."]), min_size=13, max_size=13), st.data()
)
def test_however_it_is_typed_it_is_the_same_word(word: str, between: list[str], data: st.DataObject) -> None:
    """Separators, case, full width, and I, L, O for 1 and 0 make no difference."""
    alike = {"1": "1IiLl", "0": "0Oo"}
    typed = "".join(
        gap + data.draw(st.sampled_from(alike.get(letter, letter + letter.lower())))
        for gap, letter in zip(between, word, strict=False)
    )
    wide = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in typed)
    assert unicodedata.normalize("NFKC", wide) != wide
    assert words.word_hash(typed) == words.word_hash(wide) == words.word_hash(word)


@given(PLAIN, PLAIN)
def test_different_words_are_kept_differently(one: str, other: str) -> None:
    """Two words are never taken for each other."""
    assume(one != other)
    assert words.word_hash(one) != words.word_hash(other)


@given(st.text(max_size=120))
def test_anything_else_is_no_word(typed: str) -> None:
    """Whatever is typed either is a word of twelve of the letters or has no hash at all."""
    found = words.word_hash(typed)
    assert found is None or len(found) == 32


def test_too_long_a_text_is_no_word() -> None:
    """A word drowned in separators is not looked for to the end."""
    assert words.word_hash("-" * 200 + words.make()) is None
