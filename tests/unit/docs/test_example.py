"""The example in TypeScript says what the network says."""

from warifu.dev import pages


def test_the_examples_texts_are_those_of_the_table():
    """Every reason has the same status and texts in the example as here (else: python -m warifu.dev pages)."""
    assert pages.TEXTS.read_text(encoding="utf-8") == pages.texts()
