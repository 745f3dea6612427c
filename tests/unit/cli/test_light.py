"""What the command loads before it does anything: a verb is typed by people, and in loops."""

import subprocess
import sys
from importlib.metadata import version


def test_a_verb_that_only_asks_loads_no_database() -> None:
    """The command, the people, the doors and the scenarios load neither a database library nor a web one nor the traffic's columns."""
    program = (
        "import sys, warifu.cli.__main__, warifu.simulator.people, warifu.simulator.doors, warifu.simulator.scenarios\n"
        "from warifu.cli.output import clear_errors\n"
        "with clear_errors(): pass\n"
        "print([name for name in ('sqlalchemy', 'alembic', 'starlette', 'jinja2', 'pyarrow', 'playwright') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package() -> None:
    """`warifu --version` is one line that a program can read, and needs no verb."""
    said = subprocess.run([sys.executable, "-m", "warifu.cli", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"{version('warifu')}\n"
