"""`warifu docs`: what messages name can be read where there is no clone."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GUIDES = sorted((ROOT / "docs").glob("*.md"))


def run(*words: str, language: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
    """`warifu docs` with these words."""
    environment = os.environ | {"LC_ALL": language}
    return subprocess.run(
        [sys.executable, "-m", "warifu.cli", "docs", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_guide_is_listed_with_its_title() -> None:
    """The list has each page of docs/ by its name, with the words of its heading."""
    told = json.loads(run("--json").stdout)["guides"]
    assert [one["name"] for one in told] == [path.stem.lower() for path in GUIDES]
    assert {one["name"]: one["title"] for one in told}["kit"] == "Test your agency system against the network"
    assert all(name in run().stdout for name in ("kit", "protocol"))


def test_a_guide_comes_through_a_pipe_as_it_lies_in_its_file() -> None:
    """Named as messages name it or shortly, it is the file, letter by letter."""
    page = (ROOT / "docs" / "KIT.md").read_text(encoding="utf-8")
    assert run("kit").stdout == run("docs/KIT.md").stdout == page


def test_a_section_is_what_lies_between_its_heading_and_the_next() -> None:
    """A section by its number is that section whole, and nothing of another one."""
    page = (ROOT / "docs" / "THREATS.md").read_text(encoding="utf-8")
    section = run("threats", "3a").stdout
    assert section.startswith("## 3a. ")
    assert section in page
    assert section.count("\n## ") == 0
    assert page.partition(section)[2].startswith("## ")


@pytest.mark.parametrize("language", ["ja_JP.UTF-8", "C.UTF-8"])
@pytest.mark.parametrize(("words", "there"), [(["nix"], "protocol"), (["threats", "99"], "3a")])
def test_what_is_not_there_is_told_with_what_is(words: list[str], there: str, language: str) -> None:
    """A wrong name or number ends with code 2 and says which there are."""
    done = run(*words, language=language)
    assert (done.returncode, done.stdout) == (2, "")
    assert there in done.stderr


def test_the_package_brings_them() -> None:
    """The wheel has the guides beside the code, and an image is built with them."""
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert built["wheel"]["force-include"]["docs"] == "warifu/docs"
    assert "!docs" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
