"""What verbs print to a pipe."""

import os
import subprocess
import sys

import pytest


def lines(**variables: str) -> list[str]:
    """What `warifu scenarios` prints, line by line."""
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | variables
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", "scenarios"], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("language", ["ja_JP.UTF-8", "C.UTF-8"])
def test_a_row_of_a_table_is_a_line_of_a_pipe(language: str) -> None:
    """Nothing is folded where no terminal is, so that grep, awk and a log find whole rows; COLUMNS folds all the same."""
    names = ("moved-household", "same-city")
    unfolded, folded = lines(LC_ALL=language), lines(LC_ALL=language, COLUMNS="60")

    assert not any(line.startswith(" ") for line in unfolded)
    assert {name for line in unfolded for name in names if line.startswith(name)} == set(names)
    assert len(folded) > len(unfolded)
