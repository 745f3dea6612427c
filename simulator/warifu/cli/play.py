"""`warifu play` and `warifu scenarios`: stories on the running network, with checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, out, table
from warifu.cli.text import as_typed, language, t


def play(
    name: Annotated[
        str,
        typer.Argument(
            help=t("シナリオの名前（一覧: warifu scenarios）。", "The scenario's name (list: warifu scenarios).")
        ),
    ],
    sabotage: Annotated[
        bool,
        typer.Option(
            "--sabotage",
            help=t(
                "故障を一つ仕込む。検査が気づけば不合格になる。",
                "Plant the scenario's one fault; the checks must notice it.",
            ),
        ),
    ] = False,
    state: State = None,
    json_: Json = False,
) -> None:
    """Play one scenario."""
    from warifu.simulator.scenarios import SCENARIOS  # noqa: PLC0415

    if name not in SCENARIOS:
        fail(
            t(
                f"{name} というシナリオはありません。ある名前: {', '.join(SCENARIOS)}",
                f"there is no scenario {name}. There are: {', '.join(SCENARIOS)}",
            )
        )
    with clear_errors():
        narrate = _silent if json_ else _narrate
        report = asyncio.run(_play(name, state, narrate, sabotaged=sabotage))
    if json_:
        document(report)
    else:
        _show(report)
    raise typer.Exit(0 if report["passed"] else 1)


async def _play(
    name: str, state: Path | None, narrate: Callable[[str, str], None], *, sabotaged: bool
) -> dict[str, Any]:
    from warifu.simulator.doors import doors  # noqa: PLC0415
    from warifu.simulator.scenarios import SCENARIOS, Stage  # noqa: PLC0415

    folder, file = living(state)
    async with doors(file) as opened:
        stage = Stage(file, folder, opened, sabotaged, narrate)
        await SCENARIOS[name].play(stage)
        return dict(stage.document(name))


def _silent(_ja: str, _en: str) -> None:
    """Say nothing: a document is asked for."""


def _narrate(ja: str, en: str) -> None:
    err.print(f"[dim]·[/] {escape(t(ja, en))}")


def _show(report: dict[str, Any]) -> None:
    table(
        [t("照会者", "requester"), t("提供者", "provider"), t("情報", "item"), t("結果", "outcome"), "ms"],
        (
            [e["requester"], e["provider"], e["item"], e["reason"] or e["outcome"], str(e["ms"])]
            for e in report["exchanges"]
        ),
    )
    for check in report["checks"]:
        mark = "[green]✓[/]" if check["passed"] else "[bold red]✗[/]"
        # What was seen is told in English; to others it is of use where something is wrong.
        seen = check["detail"] if language() == "en" or not check["passed"] else ""
        out.print(f"{mark} {escape(_looked_at(check['name']))}" + (f"  [dim]{escape(seen)}[/]" if seen else ""))
    verdict = t("合格", "passed") if report["passed"] else t("不合格", "FAILED")
    out.print(f"{report['scenario']}: {verdict}", style="bold")
    if report["exchanges"]:
        first = report["exchanges"][0]["request_id"]
        out.print(
            t("本人の履歴", "The person's history") + as_typed(f":  warifu history {report['person']}"), soft_wrap=True
        )
        out.print(
            t("各機関が持つもの", "What a party holds") + as_typed(f":  warifu view gateway --request {first}"),
            soft_wrap=True,
        )


def _looked_at(name: str) -> str:
    """What a check looks at, in words; its name, for one who would rather have that, is in `--json`."""
    from warifu.law import packaged  # noqa: PLC0415
    from warifu.simulator.stage.scenarios.scripts import scripts as lessons  # noqa: PLC0415

    told, about = lessons().check(name, language())
    return f"{told} ({lessons().about(about, language(), packaged().items)})" if about else told


def scenarios(json_: Json = False) -> None:
    """List the scenarios."""
    from warifu.simulator.scenarios import SCENARIOS  # noqa: PLC0415

    if json_:
        document(
            {
                "scenarios": [
                    {
                        "name": s.name,
                        "purpose": {"ja": s.purpose[0], "en": s.purpose[1]},
                        "fault": {"ja": s.fault[0], "en": s.fault[1]},
                    }
                    for s in SCENARIOS.values()
                ]
            }
        )
        return
    chosen = 0 if language() == "ja" else 1
    table([t("名前", "name"), t("目的", "purpose")], ([s.name, s.purpose[chosen]] for s in SCENARIOS.values()))
    out.print(t("演じる: warifu play 名前", "Play one: warifu play NAME"))
