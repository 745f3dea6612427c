"""`warifu status`: who runs, how well, how big."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, out, table
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.simulator.state import NetworkFile, PartyEntry


def status(state: State = None, json_: Json = False) -> None:
    """Show the parties of the running network."""
    with clear_errors():
        report = asyncio.run(_report(state))
        behind = _behind(state)
    for line in behind:  # beside the document, whose shape is promised
        err.print(line, style="bold red")
    if json_:
        document(report)
        return
    mebi = 1 << 20
    rows = (
        [
            p["name"] if number == 1 else f"{p['name']} ({number})",
            p["kind"],
            one["address"],
            t("正常", "healthy") if one["healthy"] else t("応答なし", "NOT SERVING"),
            f"{one['pss_bytes'] / mebi:.0f} MiB" if one["pss_bytes"] else "–",  # it runs elsewhere, or not at all
        ]
        for p in report["parties"]
        for number, one in enumerate(p.get("processes", [p]), 1)
    )
    table(
        [t("名称", "party"), t("種別", "kind"), t("アドレス", "address"), t("状態", "state"), t("メモリー", "memory")],
        rows,
    )
    total = f"{report['pss_total_bytes'] / mebi:.0f} MiB" if report["pss_total_bytes"] else "–"
    out.print(
        t(
            f"起動 {report['ready_seconds']} 秒、メモリー計 {total}",
            f"ready in {report['ready_seconds']} s, memory {total} in all",
        )
    )
    if elsewhere := living(state)[1].elsewhere:
        served = t("、", ", ").join(f"{code} ({address})" for code, address in elsewhere.items())
        out.print(
            t(f"外のシステムが受け持つ機関: {served}", f"served by systems outside: {served}"),
            markup=False,
            soft_wrap=True,
        )


def _behind(state: Path | None) -> list[str]:
    from warifu.kernel.months import text  # noqa: PLC0415 - slow to import
    from warifu.simulator.launcher import keycopies  # noqa: PLC0415

    return [_out_of_reach(name, text(month)) for name, month in keycopies.behind(*living(state))]


def _out_of_reach(file: str, month: str) -> str:
    return t(
        f"月の鍵の写し {file} に届きません。消去した {month} 以降の内容を、古いバックアップからまだ読めてしまいます。元の場所に戻す（30 秒ほどで鍵が進みます）か、"
        f"廃棄してから、ネットワークを止めて: warifu backup --forget {file} --state DIR",
        f"{file}, a copy of the month keys, cannot be reached: with it an old backup still opens erased contents from {month} on. Put it back where "
        f"it was (its keys follow within half a minute), or destroy it and, with the network stopped: warifu backup --forget {file} --state DIR",
    )


async def _report(state: Any) -> dict[str, Any]:
    from warifu.simulator.doors import doors  # noqa: PLC0415

    folder, file = living(state)
    async with doors(file) as opened:
        health = await asyncio.gather(*(opened.processes_healthy(p.name) for p in file.parties))
    sizes, real = _sizes(file.pid), folder.resolve()  # a process's own folder is told without links and ".."
    parties = [_party(p, healthy, sizes, file, real) for p, healthy in zip(file.parties, health, strict=True)]
    total = sum(p["pss_bytes"] for p in parties)
    return {"ready_seconds": file.ready_seconds, "pss_total_bytes": total, "parties": parties}


def _party(
    entry: PartyEntry, healthy: list[bool], sizes: dict[str, int], file: NetworkFile, folder: Path
) -> dict[str, Any]:
    """A party is healthy when all of its processes are; of several each is told."""
    from warifu.simulator.launcher.processes import folder_of  # noqa: PLC0415 - slow to import

    processes: list[dict[str, Any]] = [
        {
            "address": one.address,
            "healthy": well,
            "pss_bytes": sizes.get(str(folder_of(folder, entry.name, number)), 0),
        }
        for number, (one, well) in enumerate(zip(entry.processes, healthy, strict=True), 1)
    ]
    several = {"processes": processes} if len(processes) > 1 else {}
    return several | {
        "name": entry.name,
        "kind": "agency" if entry.name in file.extra["kinds"].values() else entry.name,
        "address": entry.address,
        "healthy": all(healthy),
        "pss_bytes": sum(one["pss_bytes"] for one in processes),
    }


def _sizes(launcher: int) -> dict[str, int]:
    """Proportional set size, in bytes, of every process of the network, by its working directory: its own folder."""
    found: dict[str, int] = {}
    for process in psutil.Process(launcher).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            found[process.cwd()] = int(process.memory_full_info().pss)
    return found
