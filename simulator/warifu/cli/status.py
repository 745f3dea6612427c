"""`warifu status`: who runs, how well, how big."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psutil

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, out, table
from warifu.cli.text import t


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
            p["name"],
            p["kind"],
            p["address"],
            t("正常", "healthy") if p["healthy"] else t("応答なし", "NOT SERVING"),
            f"{p['pss_bytes'] / mebi:.0f} MiB",
        ]
        for p in report["parties"]
    )
    table(
        [t("名称", "party"), t("種別", "kind"), t("アドレス", "address"), t("状態", "state"), t("メモリー", "memory")],
        rows,
    )
    out.print(
        t(
            f"起動 {report['ready_seconds']} 秒、メモリー計 {report['pss_total_bytes'] / mebi:.0f} MiB",
            f"ready in {report['ready_seconds']} s, memory {report['pss_total_bytes'] / mebi:.0f} MiB in all",
        )
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
        health = await opened.all_healthy()
    sizes = _sizes({p.name: str(folder / p.name) for p in file.parties}, file.pid)
    agencies = set(file.extra["kinds"].values())
    parties = [
        {
            "name": p.name,
            "kind": "agency" if p.name in agencies else p.name,
            "address": p.address,
            "healthy": health[p.name],
            "pss_bytes": sizes.get(p.name, 0),
        }
        for p in file.parties
    ]
    return {"ready_seconds": file.ready_seconds, "pss_total_bytes": sum(sizes.values()), "parties": parties}


def _sizes(folders: dict[str, str], launcher: int) -> dict[str, int]:
    """Proportional set size by party, in bytes: found by each party's working directory, its own folder."""
    by_folder = {folder: name for name, folder in folders.items()}
    found: dict[str, int] = {}
    for process in psutil.Process(launcher).children(recursive=True):
        try:
            name = by_folder.get(process.cwd())
            if name is not None:
                found[name] = int(process.memory_full_info().pss)
        except psutil.Error:
            continue
    return found
