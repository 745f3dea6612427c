"""What the verbs of `warifu conformance` share: options, and what is told of a run."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from warifu.cli.output import document, err, out, writable, write
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.simulator.conformance import Requirement, Result, Suite

_MARKS = {"passed": "green", "failed": "bold red", "skipped": "yellow"}
Folder = Annotated[
    Path, typer.Option(help=t("prepare で作ったフォルダー。", "The folder that prepare made."), file_okay=False)
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        help=t("この番号の要求だけ（繰り返し可）。", "Only requirements of this number; may be repeated."),
        show_default=False,
    ),
]
Command = Annotated[
    str | None,
    typer.Option(
        help=t(
            "試験の相手を起動するコマンド。強制終了と再起動も試す。",
            "Starts whoever is tried; it is then also killed and started again.",
        ),
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        help=t(
            "起動済みの相手が質問を受けるアドレス HOST:PORT。", "HOST:PORT where one that runs already takes questions."
        ),
        show_default=False,
    ),
]
JUnit = Annotated[
    Path | None, typer.Option(help=t("JUnit XML の出力先。", "Write JUnit XML here."), show_default=False)
]
Html = Annotated[Path | None, typer.Option(help=t("HTML の出力先。", "Write a page here."), show_default=False)]
Wait = Annotated[float, typer.Option(min=1, help=t("相手を待つ秒数。", "Seconds to wait for whoever is tried."))]


@dataclass(frozen=True, slots=True)
class Told:
    """What is made of a run."""

    suite: Suite[Any]
    institution: str
    where: str
    root: Path | None
    """Folder in which the log of what we play is kept, if it is."""
    junit: Path | None
    html: Path | None
    quiet: bool

    def run(self, opened: AbstractAsyncContextManager[Any], only: list[str] | None) -> None:
        """Try what was chosen and tell it; ends the command."""
        from warifu.simulator import conformance  # noqa: PLC0415 - slow to import

        writable(self.junit, self.html)
        requirements = self.suite.chosen(only or [])
        results = asyncio.run(self._results(opened, requirements))
        if self.junit is not None:
            write(self.junit, conformance.junit(results, self.institution, self.suite))
        if self.html is not None:
            write(self.html, conformance.html(results, self.institution, self.where, language(), self.suite))
        failed = sum(one.status == "failed" for one in results)
        if self.quiet:
            document(
                {
                    "institution": self.institution,
                    "target": self.where,
                    "passed": not failed,
                    "results": [one.document() for one in results],
                }
            )
        else:
            out.print(
                t(
                    f"要求 {len(results)} 件：適合 {len(results) - failed}、不適合 {failed}",
                    f"{len(results)} requirements: {len(results) - failed} passed, {failed} failed",
                ),
                style="bold",
            )
        raise typer.Exit(1 if failed else 0)

    async def _results(
        self, opened: AbstractAsyncContextManager[Any], requirements: tuple[Requirement[Any], ...]
    ) -> list[Result[Any]]:
        from warifu.simulator.conformance import check_all  # noqa: PLC0415

        # What the parties that we play log is not the user's: one without a witness has something to say every second.
        path = self.root and self.root / "gateway.log"
        log = logging.FileHandler(path, encoding="utf-8") if path else logging.NullHandler()
        logging.getLogger("warifu").addHandler(log)
        with err.status(t(f"{self.where} を待っています…", f"Waiting for {self.where}…")) as status:
            async with opened as bench:
                status.stop()
                return await check_all(bench, requirements, None if self.quiet else self._tell)

    def _tell(self, result: Result[Any]) -> None:
        """One line a requirement; for a failure what was expected, what came and what was sent."""
        from warifu.simulator.conformance.report import sent  # noqa: PLC0415

        one, style = result.requirement, _MARKS[result.status]
        word = {"passed": t("適合", "passed"), "failed": t("不適合", "failed"), "skipped": t("未実施", "skipped")}
        note = f"  ({t(*result.note)})" if result.note.en else ""
        out.print(f"[{style}]{word[result.status]}[/]  {one.label}  {escape(t(one.ja, one.en) + note)}", soft_wrap=True)
        if result.status != "failed":
            return
        for name, value in (
            (t("章", "section"), f"{self.suite.page}, {one.section}"),
            (t("期待", "expected"), t(*result.expected)),
            (t("結果", "got"), t(*result.got)),
            (t("送信", "sent"), sent(result)),
        ):
            out.print(f"    {name}: {value}", markup=False, soft_wrap=True)
