"""What the law book's tests share."""

import tomllib
from typing import Any

import pytest

from warifu.law import LawBook, packaged, packaged_files


@pytest.fixture(scope="session")
def book() -> LawBook:
    """The law book as shipped."""
    return packaged()


@pytest.fixture(scope="session")
def raw() -> dict[str, Any]:
    """The shipped files as plain TOML, for oracles that do not use the code under test."""
    return {name: tomllib.loads(content.decode()) for name, content in packaged_files().items()}
