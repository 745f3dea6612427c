"""Names of the files that are handed over with an institution."""

from typing import Final

PEOPLE_NAME: Final = "people.json"
"""People with their numbers, items, cards and codes, and what inquiries about them must come to."""
COPIES_NAME: Final = "copies.json"
"""Their data at the institution, by its codes."""
