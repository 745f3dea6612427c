"""`warifu rehearse`: the same day under two permission tables, or by two versions of the program, and what differs."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, fail, out, writable, write
from warifu.cli.output import table as print_table
from warifu.cli.progress import progress
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.law import LawBook
    from warifu.simulator.rehearsal import Comparison, Day, Recording
    from warifu.simulator.rehearsal.script import Files

SHIPPED: Final = "shipped"
SHOWN: Final = 40
"""Differences that a terminal shows; the documents have all."""
Table = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|shipped",
        help=t(
            "照合リスト（permissions.toml）。shipped は、配布されているもの（省略時）。",
            "A permission table (permissions.toml); “shipped” is the one that comes with the program, and the default.",
        ),
        show_default=False,
    ),
]


def rehearse(
    before: Table = None,
    after: Table = None,
    people: Annotated[int, typer.Option(min=100, max=2000, help=t("人数。", "How many people."))] = 200,
    seed: Annotated[int, typer.Option(help=t("すべての元になる数。", "From which all of it derives."))] = 1,
    day: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help=t("演じる日。", "The day that is played."))] = (
        "2026-04-06"
    ),
    limit: Annotated[
        int,
        typer.Option(
            min=1,
            help=t("行・照会者・提供者の組ごとに何人か。", "People asked about for a row, requester and provider."),
        ),
    ] = 1,
    record: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=t(
                "一日を一度だけ演じ、別の版と比べるために残す。", "Play the day once and keep it for another version."
            ),
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help=t(
                "--record で残した一日をもう一度演じ、比べる。", "Play the day of that recording again, and compare."
            ),
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=t("報告をHTMLでも書く。", "Write the report as HTML too."), show_default=False
        ),
    ] = None,
    expect_none: Annotated[
        bool, typer.Option("--expect-none", help=t("違いがあれば終了コード 1。", "Exit code 1 when anything differs."))
    ] = False,
    json_: Json = False,
) -> None:
    """Rehearse a change."""
    logging.basicConfig(level=logging.CRITICAL)
    _check(before, after, record, against, html)
    writable(record, html)
    with clear_errors():
        if against is not None:
            found, book = _again(against, after)
        else:
            from warifu.simulator.rehearsal import compare, write_day  # noqa: PLC0415 - the command starts quickly

            old = _table(before)
            new = old if record is not None else _table(after)
            written = write_day(old[1], new[1], people=people, seed=seed, day=_day(day), each=limit)
            if record is not None:
                (kept,) = _play(written, [old])
                _keep(kept, record, as_json=json_)
                return
            first, second = _play(written, [old, new])
            found, book = compare(first, second, _changed(old[1], new[1])), new[1]
        if html is not None:
            from warifu.simulator.rehearsal.report import page  # noqa: PLC0415

            write(html, page(found, book, language()))
    _show(found, as_json=json_)
    if expect_none and found.differs:
        raise typer.Exit(1)


def _again(recorded: Path, after: str | None) -> tuple[Comparison, LawBook]:
    """The day of a recording once more, by this version of the program."""
    from warifu.simulator.rehearsal import Recording, compare  # noqa: PLC0415

    kept, table = Recording.read(recorded.read_text(encoding="utf-8")), _table(after)
    (now,) = _play(kept.played, [table])
    return compare(kept, now), table[1]


def _check(before: str | None, after: str | None, record: Path | None, against: Path | None, html: Path | None) -> None:
    if record and (after or against or html):
        fail(
            t(
                "--record は一度だけ演じます。表は --before で選びます。",
                "--record plays once; choose its table by --before.",
            )
        )
    if against and before:
        fail(
            t(
                "--against では、前は記録です。--before は要りません。",
                "With --against the recording is the before; leave out --before.",
            )
        )
    if not (before or after or record or against):
        fail(
            t(
                "比べるものがありません。例: warifu rehearse --after permissions.toml",
                "there is nothing to compare. For example: warifu rehearse --after permissions.toml",
            )
        )


def _table(name: str | None) -> tuple[Files, LawBook]:
    from warifu.simulator.rehearsal import table  # noqa: PLC0415

    if name in (None, SHIPPED):
        return table()
    try:
        return table(Path(name).read_bytes())
    except OSError as error:
        fail(t(f"{name} を読めません。{error.strerror}", f"cannot read {name}. {error.strerror}"))


def _day(text: str) -> date:
    from warifu.simulator.population import CLOCK_START  # noqa: PLC0415

    try:
        found = date.fromisoformat(text)
    except ValueError:
        fail(t(f"{text} は日付ではありません。例: 2026-06-10", f"{text} is no day. For example: 2026-06-10"))
    if found < CLOCK_START:
        fail(t(f"ネットワークは {CLOCK_START} に始まります。", f"the network begins on {CLOCK_START}."))
    return found


def _changed(old: LawBook, new: LawBook) -> list[str]:
    return [row for row in {**old.rows, **new.rows} if old.rows.get(row) != new.rows.get(row)]


def _play(day: Day, tables: list[tuple[Files, LawBook]]) -> list[Recording]:
    with progress(t("照会しています", "asking")) as told:

        async def work() -> list[Recording]:
            from warifu.simulator.people import People  # noqa: PLC0415
            from warifu.simulator.rehearsal.run import play  # noqa: PLC0415
            from warifu.simulator.testing.engine import Engine  # noqa: PLC0415

            async with Engine.run(day.people, day.seed, stopped=True) as engine:
                people = People.of(engine.file)
                played: list[Recording] = []
                for files, _ in tables:
                    before = len(played)

                    def tell(done: int, whole: int, before: int = before) -> None:
                        told(before * whole + done, len(tables) * whole)

                    played.append(await play(engine, day, files, people, tell))
                return played

        return asyncio.run(work())


def _keep(recording: Recording, place: Path, *, as_json: bool) -> None:
    write(place, recording.text())
    asked = len(recording.results)
    if as_json:
        document({"record": str(place), "asked": asked, "law": recording.law, "program": recording.program})
        return
    told = t(
        f"{asked} 件の照会を {place} に残しました。比べる: warifu rehearse --against {place}",
        f"{asked} inquiries are kept in {place}. Compare with: warifu rehearse --against {place}",
    )
    out.print(told, soft_wrap=True, markup=False)


def _show(found: Comparison, *, as_json: bool) -> None:
    from warifu.simulator.rehearsal import report  # noqa: PLC0415

    if as_json:
        document(report.document(found))
        return
    print_table(
        [
            t("行", "row"),
            t("照会", "asked"),
            t("認可（前）", "permitted before"),
            t("認可（後）", "after"),
            t("違う", "differ"),
        ],
        [[one.row, str(one.asked), *map(str, one.permitted), str(one.differ)] for one in found.rows],
    )
    _show_unasked(found)
    lines = [
        [one.step.row, one.step.person, one.step.requester, one.step.provider, report.ASPECTS[aspect].to(language()), *one.shown(aspect)]
        for one in found.differences[:SHOWN]
        for aspect in one.aspects[:1]
    ]  # fmt: skip
    if lines:
        heads = (
            t("行", "row"),
            t("本人", "person"),
            t("照会者", "requester"),
            t("提供者", "provider"),
            t("何が", "what"),
        )
        out.print()
        print_table([*heads, t("前", "before"), t("後", "after")], lines)
    if len(found.differences) > SHOWN:
        err.print(t(f"ほか {len(found.differences) - SHOWN} 件。すべて: --html または --json", f"{len(found.differences) - SHOWN} more; all of them: --html or --json"), style="dim")  # fmt: skip
    out.print(_sentence(found, len(found.before.results)), style="bold")


def _show_unasked(found: Comparison) -> None:
    if found.unasked:
        rows = ", ".join(
            row + (t("（表の上では違う）", " (differs in the tables)") if differs else "")
            for row, differs in found.unasked.items()
        )
        out.print(t(f"照会のない行: {rows}", f"rows that nobody asks under: {rows}"), style="dim", markup=False)


def _sentence(found: Comparison, asked: int) -> str:
    from warifu.simulator.rehearsal import report  # noqa: PLC0415

    if not found.differs:
        return t(f"{asked} 件の照会に違いはありません。", f"{asked} inquiries, and nothing differs.")
    parts = ", ".join(f"{report.ASPECTS[one].to(language())} {number}" for one, number in report.counts(found).items())
    number = len(found.differences)
    return t(f"{asked} 件の照会のうち {number} 件に違い（{parts}）", f"{number} of {asked} inquiries differ ({parts})")
