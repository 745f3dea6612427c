"""`warifu drill …`: incident drills on the running network: begin, see how one stands, hints, answers, grade."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, out, table
from warifu.cli.text import as_typed, example, language, t

T = TypeVar("T")
_PARTIES = {"counter": "counter", "portal": "portal", "card": "simulator", "watchdog": "watchdog", "stage": "stage"}
"""Whose web face is meant."""
app = typer.Typer(
    name="drill",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=example(
        "事故対応の訓練：事故を仕込み、本物の画面で解決し、採点を受ける。",
        "Incident drills: an incident is planted, solved in the real faces, and graded.",
        "warifu drill list",
        "warifu drill begin wrong-person",
        "warifu drill hint wrong-person linked",
        "warifu drill grade wrong-person",
    ),
)
Name = Annotated[
    str,
    typer.Argument(help=t("訓練の名前（一覧: warifu drill list）。", "The drill's name (list: warifu drill list).")),
]
TaskName = Annotated[str, typer.Argument(help=t("課題の名前。", "The task's name."))]


@app.command("list", help=t("訓練の一覧。", "List the drills."))
def listed(json_: Json = False) -> None:
    """List the drills."""
    from warifu.simulator.drills import DRILLS  # noqa: PLC0415
    from warifu.simulator.drills.texts import texts  # noqa: PLC0415

    told = {name: texts(name) for name in DRILLS}
    if json_:
        rows = [
            {"drill": name, "title": _both(one.title), "summary": _both(one.summary), "minutes": one.minutes, "tasks": list(one.tasks)}
            for name, one in told.items()
        ]  # fmt: skip
        document({"drills": rows})
        return
    lang = language()
    table(
        [t("名前", "name"), t("題", "title"), t("分", "min."), t("何が起きたか", "what happened")],
        ([name, one.title.to(lang), str(one.minutes), one.summary.to(lang)] for name, one in told.items()),
    )
    out.print(as_typed(t("始める: warifu drill begin 名前", "Begin one: warifu drill begin NAME")))


@app.command(help=t("事故を仕込み、訓練を始める。", "Plant the incident and begin."))
def begin(
    name: Name,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help=t(
                "途中の訓練を捨て、別の人で初めからやり直す。",
                "Drop a run that is under way and begin anew, with other people.",
            ),
        ),
    ] = False,
    state: State = None,
    json_: Json = False,
) -> None:
    """Begin a drill."""
    from warifu.simulator.drills import begin as plant  # noqa: PLC0415

    if not json_:
        err.print(t("準備しています…", "Preparing…"), style="dim")
    _on_stage(state, lambda stage: plant(stage, name, again=again))
    _shown(name, state, json_=json_)


@app.command(
    help=t(
        "課題と、いまの状態を見る。採点のあとは講評も。",
        "See the tasks and how they stand; after grading the debrief, too.",
    )
)
def show(name: Name, state: State = None, json_: Json = False) -> None:
    """Show a drill."""
    _shown(name, state, json_=json_)


@app.command(help=t("課題のヒントを一つ取る。", "Take one hint for a task."))
def hint(name: Name, task: TaskName, state: State = None, json_: Json = False) -> None:
    """Take a hint."""
    from warifu.simulator.drills import hint as take  # noqa: PLC0415

    with clear_errors():
        folder, _ = living(state)
        words, left = take(folder, name, task)
    if json_:
        document({"task": task, "hint": _both(words), "left": left})
        return
    out.print(words.to(language()), markup=False, soft_wrap=True)
    out.print(t(f"残りのヒント: {left}", f"Hints left: {left}"), style="dim")


@app.command(help=t("問いに答える。最後の答えが採点される。", "Answer a question; the last answer is graded."))
def answer(
    name: Name,
    task: TaskName,
    value: Annotated[str, typer.Argument(help=t("答え。", "The answer."))],
    state: State = None,
    json_: Json = False,
) -> None:
    """Answer a question."""
    from warifu.simulator.drills import answer as give  # noqa: PLC0415

    with clear_errors():
        folder, _ = living(state)
        give(folder, name, task, value)
    if json_:
        document({"task": task, "answer": value})
        return
    out.print(
        t("答えを受け取りました。採点: ", "Answer kept. Grade with: ") + as_typed(f"warifu drill grade {name}"),
        soft_wrap=True,
    )


@app.command(
    help=t(
        "採点し、講評を読む。終了コード 0: 合格、1: 不合格。",
        "Grade, and read the debrief; exit code 0 when passed, 1 when not.",
    )
)
def grade(name: Name, state: State = None, json_: Json = False) -> None:
    """Grade a drill."""
    from warifu.simulator.drills import grade as judge  # noqa: PLC0415

    made = _on_stage(state, lambda stage: judge(stage, name))
    _shown(name, state, json_=json_)
    raise typer.Exit(0 if made["passed"] else 1)


def _on_stage(state: Path | None, act: Callable[[Any], Awaitable[T]]) -> T:
    async def run() -> T:
        from warifu.simulator.doors import doors  # noqa: PLC0415
        from warifu.simulator.scenarios import Stage  # noqa: PLC0415

        folder, file = living(state)
        async with doors(file) as opened:
            return await act(Stage(file, folder, opened))

    from warifu.simulator.cards.client import LoginError  # noqa: PLC0415

    with clear_errors():
        try:
            return asyncio.run(run())
        except LoginError as error:
            fail(str(error))


def _shown(name: str, state: Path | None, *, json_: bool) -> None:
    from warifu.simulator.drills import document as told  # noqa: PLC0415
    from warifu.simulator.drills import look, running  # noqa: PLC0415

    async def read(stage: Any) -> dict[str, Any]:
        whole = told(running(stage.state, name), name, await look(stage, name), stage.book)
        return {**whole, "urls": {face: stage.network.urls.get(party, "") for face, party in _PARTIES.items()}}

    whole = _on_stage(state, read)
    if json_:
        document(whole)
        return
    _tell(whole)


def _tell(whole: dict[str, Any]) -> None:
    lang = language()
    out.print(f"{whole['title'][lang]}  [dim]{whole['drill']}[/]", style="bold")
    for paragraph in whole["briefing"]:
        out.print(paragraph[lang], markup=False, soft_wrap=True)
    findings = {one["task"]: one for one in (whole["grade"] or {}).get("findings", [])}
    for number, task in enumerate(whole["tasks"], 1):
        _tell_task(number, task, findings.get(task["task"]), whole["drill"], lang)
    _tell_faces(whole)
    if whole["grade"] is not None:
        _tell_debrief(whole, lang)
        return
    first = whole["tasks"][0]["task"]
    out.print(
        t("ヒント: ", "Hint: ") + as_typed(f"warifu drill hint {whole['drill']} {first}")
        + t("　採点: ", "   Grade: ") + as_typed(f"warifu drill grade {whole['drill']}"), style="dim", soft_wrap=True,
    )  # fmt: skip


def _tell_faces(whole: dict[str, Any]) -> None:
    """Where the tasks are done."""
    used = {face for task in whole["tasks"] for face in task["faces"]}
    out.print("")
    for face, url in whole["urls"].items():
        if face in used and url:
            out.print(f"  {_face(face)}: {url}", style="dim", markup=False, soft_wrap=True)


def _face(face: str) -> str:
    return {
        "counter": t("職員の窓口", "counters"),
        "portal": t("市民ポータル", "citizen portal"),
        "card": t("カード", "cards"),
        "watchdog": t("監督機関", "supervisor's console"),
        "stage": t("舞台", "stage"),
        "command": t("コマンド", "command"),
    }[face]


def _tell_task(number: int, task: dict[str, Any], finding: dict[str, Any] | None, drill: str, lang: str) -> None:
    mark = _mark(task, finding)
    out.print(f"\n{mark} {number}. {escape(task['title'][lang])}  [dim]{task['task']}[/]")
    places = t("・", ", ").join(map(_face, task["faces"]))
    out.print(f"   {escape(task['text'][lang])}  [dim]{t('場所', 'where')}: {places}[/]", soft_wrap=True)
    for choice in task["choices"]:
        out.print(f"     {choice['value']}: {escape(choice[lang])}", soft_wrap=True)
    if task["answer"] is not None:
        out.print(f"   {t('答え', 'answer')}: {escape(task['answer'])}")
    elif task["question"]:
        value = t("答え", "ANSWER")
        out.print(as_typed(f"   warifu drill answer {drill} {task['task']} {value}"), style="dim", soft_wrap=True)
    for words in task["hints"]:
        out.print(f"   [dim]{t('ヒント', 'hint')}: {escape(words[lang])}[/]", soft_wrap=True)
    if finding is not None:
        out.print(f"   → {escape(finding['detail'][lang])}", soft_wrap=True)


def _mark(task: dict[str, Any], finding: dict[str, Any] | None) -> str:
    """As the task stands now; a question only as it was graded."""
    if task["state"] == "done" or (task["question"] and finding is not None and finding["done"]):
        return "[green]✓[/]"
    if finding is not None:
        return "[bold red]✗[/]"
    return "[cyan]✎[/]" if task["state"] == "given" else "[dim]○[/]"


def _tell_debrief(whole: dict[str, Any], lang: str) -> None:
    made, debrief = whole["grade"], whole["debrief"]
    verdict = t("合格", "passed") if made["passed"] else t("不合格", "NOT passed")
    counted = t(
        f"{made['of']}課題中{made['done']}課題、ヒント{made['hints']}回",
        f"{made['done']} of {made['of']} tasks, {made['hints']} hint(s)",
    )
    out.print(f"\n{verdict}  ({counted})", style="bold")
    titles = {task["task"]: task["title"][lang] for task in whole["tasks"]}
    _part(
        t("なぜ大切か", "Why what was missed matters"),
        [f"{titles[k]}: {v[lang]}" for k, v in debrief["missed"].items()],
    )
    _part(t("何が起きていたか", "What had happened"), [one[lang] for one in debrief["truth"]])
    _part(t("根拠となる条文", "The law"), [_law(one, lang) for one in debrief["law"]])
    _part(t("漏えい等の報告に書くこと", "What the leak report says"), [one[lang] for one in debrief["report"]])
    _part(t("本人に伝えること", "What the citizen is told"), [one[lang] for one in debrief["told"]])
    _part(t("まとめ", "To take away"), [one[lang] for one in debrief["lessons"]])


def _law(one: dict[str, Any], lang: str) -> str:
    penalty = f" {t('罰則', 'Penalty')}: {one['penalty'][lang]}" if one["penalty"] else ""
    open_ = "" if one["verified"] else t("［要確認］", " [to be confirmed]")
    return f"{one['article'][lang]}{open_}: {one['says'][lang]}{penalty}"


def _part(title: str, lines: list[str]) -> None:
    if not lines:
        return
    out.print(f"\n{title}", style="bold")
    for line in lines:
        out.print(f"  · {line}", markup=False, soft_wrap=True)


def _both(words: Any) -> dict[str, str]:
    return {"ja": words.ja, "en": words.en}
