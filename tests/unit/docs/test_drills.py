"""The page about drills shows those there are."""

from unit.docs import markdown

from warifu.simulator.drills import DRILLS
from warifu.simulator.drills.texts import texts

PAGE = markdown.ROOT / "docs" / "DRILLS.md"


def test_the_table_of_drills_is_the_registry() -> None:
    """Each drill has its row, in order, with its minutes, what has happened and its tasks."""
    expected = [
        [f"`{name}`", str(told.minutes), told.summary.en, ", ".join(task.id for task in drill.tasks)]
        for name, drill in DRILLS.items()
        if (told := texts(name))
    ]
    (table,) = markdown.tables(PAGE)
    assert [list(row) for row in table[1:]] == expected
