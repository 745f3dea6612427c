"""Test cards: people with what every institution holds of them, and what each permitted row of the permission table must answer (docs/TESTCARDS.md).

Worked out from seed, law book and the stated rules alone; no party is asked. What a tester's system gets can therefore be held against it.
"""

from warifu.simulator.testcards.cards import Insured, NotThereError, TestCard, Town, people
from warifu.simulator.testcards.documents import COLUMNS, card_document, csv_rows, expectation_document
from warifu.simulator.testcards.expect import Expectation, Flags, Ruled

__all__ = [
    "COLUMNS",
    "Expectation",
    "Flags",
    "Insured",
    "NotThereError",
    "Ruled",
    "TestCard",
    "Town",
    "card_document",
    "csv_rows",
    "expectation_document",
    "people",
]
