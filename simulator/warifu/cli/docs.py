"""`warifu docs`: the guides that messages name, where there is no clone to read them in."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from warifu.cli.options import Json
from warifu.cli.output import document, fail, out, table
from warifu.cli.text import t

_HEADING: Final = re.compile(r"^## (?:(\w+)\. )?", re.MULTILINE)
"""Of a section; most have a number."""
_TITLE: Final = re.compile(r"^# (?:[A-Z]+: )?(.+)$", re.MULTILINE)


def docs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help=t("文書の名前。なければ一覧。", "Which; without it the list."), show_default=False
        ),
    ] = None,
    section: Annotated[
        str | None,
        typer.Argument(
            metavar="SECTION", help=t("この番号の節だけ。", "The section of this number alone."), show_default=False
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """List the guides, or print one: as it lies in the file to a pipe, laid out on a terminal."""
    guides = found()
    if name is None:
        _list(guides, json_)
        return
    path = guides.get(name.upper().removeprefix("DOCS/").removesuffix(".MD"))
    if path is None:
        fail(
            t(
                f"{name} という文書はありません。ある文書: {_names(guides)}",
                f"no guide is called {name}. There are: {_names(guides)}",
            )
        )
    text = path.read_text(encoding="utf-8")
    if section is not None:
        text = _section(text, section, path.stem)
    if json_:
        document({"name": path.stem.lower(), "path": str(path), "text": text})
    elif out.is_terminal:
        from rich.markdown import Markdown  # noqa: PLC0415 - slow to import

        os.environ.setdefault("LESS", "FRX")  # as git does: colours as colours, and a short text needs no key
        with out.pager(styles=True):
            out.print(Markdown(text))
    else:
        typer.echo(text, nl=False)


def found() -> dict[str, Path]:
    """Each guide's file by its name, such as "KIT": in an installed package beside the code, in a clone at its root."""
    here = Path(__file__).resolve()
    places = (here.parents[1] / "docs", here.parents[3] / "docs")
    return {path.stem: path for place in places if place.is_dir() for path in sorted(place.glob("*.md"))}


def _list(guides: dict[str, Path], json_: bool) -> None:
    titles = {name: _title(path) for name, path in guides.items()}
    if json_:
        rows = [{"name": name.lower(), "title": titles[name], "path": str(path)} for name, path in guides.items()]
        document({"guides": rows})
        return
    table(
        [t("名前", "name"), t("題（文書は英語）", "title")], [(name.lower(), title) for name, title in titles.items()]
    )
    out.print()
    out.print(t("読む: warifu docs kit　節だけ: warifu docs kit 3", "Read one: warifu docs kit; a section of it: warifu docs kit 3"))  # fmt: skip


def _title(path: Path) -> str:
    title = _TITLE.search(path.read_text(encoding="utf-8"))
    return title[1] if title else path.stem


def _section(text: str, number: str, name: str) -> str:
    """A section from its heading to the next one's."""
    begins = [(heading[1], heading.start()) for heading in _HEADING.finditer(text)]
    numbers = [found for found, _ in begins if found]
    wanted = number.removeprefix("§")
    if wanted not in numbers:
        there = ", ".join(numbers) or t("なし", "none")
        fail(
            t(
                f"{name.lower()} に {number} 節はありません。番号のある節: {there}",
                f"{name.lower()} has no section {number}. Those with a number: {there}",
            )
        )
    ends = [*(at for _, at in begins), len(text)]
    begin = next(at for found, at in begins if found == wanted)
    return text[begin : min(at for at in ends if at > begin)]


def _names(guides: dict[str, Path]) -> str:
    return ", ".join(name.lower() for name in guides)
