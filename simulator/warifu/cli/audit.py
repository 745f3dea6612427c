"""`warifu audit`: the whole network checked from outside, as the supervisor's inspector; docs/AUDIT.md says what is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, out, table
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.simulator.state import NetworkFile
    from warifu.watchdog.audit.engine import Report
    from warifu.watchdog.audit.ground import Rules

Resume = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help=t(
            "読んだものを残すファイル。あれば続きから始める。",
            "Keep what was read in this file, and go on from it when it is there.",
        ),
        show_default=False,
    ),
]
Laws = Annotated[
    list[Path] | None,
    typer.Option(
        "--law",
        metavar="DIR",
        help=t(
            "以前の照合リスト（署名つき）のフォルダー。その版による記録も根拠を確かめる。",
            "Folder of an earlier signed permission table: records made by it are checked as well.",
        ),
        show_default=False,
    ),
]


def audit(state: State = None, resume: Resume = None, laws: Laws = None, json_: Json = False) -> None:
    """Audit the running network; exit code 1 when something is found."""
    with clear_errors(), _clear_trouble():
        report = asyncio.run(_audited(state, resume, laws or []))
    if json_:
        document(report.document())
    else:
        _tell(report)
    if report.findings:
        raise typer.Exit(1)


async def _audited(state: Path | None, resume: Path | None, laws: list[Path]) -> Report:
    from warifu.kernel.trust import Trust  # noqa: PLC0415 - slow to import
    from warifu.watchdog.audit.engine import Audit  # noqa: PLC0415
    from warifu.watchdog.audit.network import NetworkSources  # noqa: PLC0415
    from warifu.watchdog.audit.scratch import Scratch  # noqa: PLC0415

    folder, file = living(state)
    trust = Trust(folder / "watchdog")
    rules = _rules(folder / "watchdog", trust, laws)
    scratch = Scratch(resume, rules.trust.log.vkey)
    channels = _Channels(file)
    try:
        with _progress() as progress:
            portals = {one.code: one.kind for one in rules.books[0].register.of_kind("portal")}
            servers = {code: file.server_of(code).name for code in file.extra["kinds"]}
            sources = NetworkSources(channels.to, servers | portals, file.log.get("url"))
            return await Audit(sources, scratch, rules, trust, progress).run()
    finally:
        scratch.close()
        await channels.close()


def _rules(folder: Path, trust: Any, laws: list[Path]) -> Rules:
    """What the network is held to: keys, law book and rights that the supervisor was given, none of it by those who are audited."""
    from warifu import law  # noqa: PLC0415
    from warifu.exchange.logkeys import ORIGIN, LogKeys  # noqa: PLC0415
    from warifu.kernel.access import TABLE_PATH  # noqa: PLC0415
    from warifu.tlog.checkpoint import Trust as LogTrust  # noqa: PLC0415
    from warifu.watchdog.audit.ground import Rules  # noqa: PLC0415

    keys = LogKeys.load(folder)
    books = [law.load(where, trust.root_public_key) for where in (trust.law_folder, *laws)]
    log = LogTrust(ORIGIN, keys.log, (keys.witness,), quorum=1)
    return Rules(log, books, TABLE_PATH.read_bytes(), datetime.now(tz=UTC), trust.root)


class _Channels:
    """Kept channels to the parties, under the inspector's certificate."""

    def __init__(self, file: NetworkFile) -> None:
        self._file = file
        self._kept: dict[str, Any] = {}

    def to(self, party: str) -> Any:
        """The channel to a party."""
        from warifu.simulator.doors import identity_channel  # noqa: PLC0415

        if party not in self._kept:
            entry, ca, pair = self._file.party(party), Path(self._file.ca), self._file.inspector
            self._kept[party] = identity_channel(entry, ca, pair)
        return self._kept[party]

    async def close(self) -> None:
        """Close all."""
        await asyncio.gather(*(channel.close() for channel in self._kept.values()))


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Lines on stderr that say what is being read, and how much; nothing where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        tasks: dict[str, Any] = {}
        counts: dict[str, int] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(_name(what), total=total)
            counts[what] = done if total is not None or what == "exchanges" else counts.get(what, 0) + done
            shown.update(tasks[what], completed=counts[what], total=total)

        yield tell


def _name(what: str) -> str:
    names = {
        "log": t("ログの葉", "leaves of the log"),
        "exchanges": t("照会の突合", "exchanges compared"),
        "gateway": t("ゲートウェイの記録", "records of the gateway"),
        "portal": t("ポータルの記録", "records of the portal"),
    }
    return names.get(what, t(f"{what} の記録", f"records of {what}"))


@contextmanager
def _clear_trouble() -> Iterator[None]:
    """Turn what keeps an audit from being made into a message and exit code 2: nothing was found, and nothing was cleared."""
    from warifu.exchange.logkeys import LogKeyError  # noqa: PLC0415
    from warifu.kernel.trust import TrustError  # noqa: PLC0415
    from warifu.law import LawDataError, LawSignatureError  # noqa: PLC0415
    from warifu.watchdog.audit.scratch import ResumeError  # noqa: PLC0415
    from warifu.watchdog.audit.sources import UnreachableError  # noqa: PLC0415

    try:
        yield
    except UnreachableError as error:
        fail(
            t(
                f"監査できませんでした。応答しない機関があります（{error}）。warifu status で確かめ、もう一度行ってください。",
                f"not audited: a party does not answer ({error}). Look with warifu status, then audit again.",
            )
        )
    except ResumeError as error:
        fail(t(f"続きから始められません: {error}", f"cannot go on from that file: {error}"))
    except (LogKeyError, TrustError, LawSignatureError, LawDataError) as error:
        fail(t(f"信頼の起点を読めません: {error}", f"what is to be trusted cannot be read: {error}"))


def _tell(report: Report) -> None:
    from warifu.watchdog.audit.findings import TEXTS  # noqa: PLC0415

    if not report.findings:
        out.print(
            t(
                f"ログの {report.entries} 件を確かめました。指摘はありません。",
                f"{report.entries} entries of the log were checked: nothing was found.",
            )
        )
        return
    columns = [t("指摘", "finding"), t("機関", "party"), t("記録", "entry"), t("内容", "detail")]
    table(columns, ([one.kind.value, one.party, one.entry, one.detail] for one in report.findings))
    kinds: Mapping[Any, Any] = dict.fromkeys(one.kind for one in report.findings)
    out.print()
    table(["", ""], ([kind.value, TEXTS[kind][language()]] for kind in kinds))
    out.print(
        t(
            f"ログの {report.entries} 件を確かめ、{len(report.findings)} 件の指摘があります。",
            f"{report.entries} entries of the log were checked; {len(report.findings)} findings.",
        )
    )
