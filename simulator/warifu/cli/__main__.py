"""The command's entry: its verbs and their help."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from warifu.cli import agency, authority, bench, conformance, drill, interim, operator, permissions, protos
from warifu.cli.audit import audit
from warifu.cli.backup import backup, restore
from warifu.cli.demo import demo
from warifu.cli.docs import docs
from warifu.cli.inquire import inquire, view
from warifu.cli.keys import rotate_keys
from warifu.cli.people import history, people
from warifu.cli.play import play, scenarios
from warifu.cli.portal import portal
from warifu.cli.proof import proof
from warifu.cli.rehearse import rehearse
from warifu.cli.serve import serve
from warifu.cli.status import status
from warifu.cli.testcards import show_cards
from warifu.cli.testing import run_tests
from warifu.cli.text import example, t
from warifu.cli.tour import tour
from warifu.cli.traffic import traffic
from warifu.cli.typer_words import settle
from warifu.cli.verify import verify

app = typer.Typer(
    name="warifu",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=t(
        "割符：情報連携ネットワークのシミュレータ（訓練用。政府のサービスではありません）。",
        "warifu: a simulator of an inter-agency information-linkage network (for training; not a government service).",
    ),
    epilog=t("まず: ./warifu demo　手引き: warifu docs", "Begin with: ./warifu demo; guides: warifu docs"),
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("warifu"))
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_tell_version, help=t("版を表示する。", "Print the version.")
        ),
    ] = False,
) -> None:
    """What can be said before any verb."""


app.command(
    "demo",
    help=example(
        "ネットワーク全体を起動する。Ctrl-C で終わる。",
        "Bring up the whole network; Ctrl-C ends it.",
        "warifu demo",
        "warifu demo --people 200 --state ./state --no-browser",
    ),
)(demo)
app.command(
    "portal",
    help=example(
        "市民ポータルの画面を作る人のために、ポータルと最小限の機関を起動する。",
        "Bring up the portal and the least it needs, for whoever builds pages against it.",
        "warifu portal",
        "warifu portal --dev-origin http://localhost:5173 --json",
    ),
)(portal)
app.command(
    "serve",
    help=example(
        "テスト用のネットワークを一つのプロセスで動かす（どの言語のシステムからでも）。Ctrl-C で終わる。",
        "Serve a network for tests from one process, for a system in any language; Ctrl-C ends it.",
        "warifu serve --face nhi-480011",
        "warifu serve --people 200 --seed 7 --json",
    ),
)(serve)
app.command(
    "status",
    help=example("動いている機関の状態を見る。", "Show the parties that run.", "warifu status", "warifu status --json"),
)(status)
app.command("scenarios", help=example("シナリオの一覧。", "List the scenarios.", "warifu scenarios"))(scenarios)
app.command(
    "play",
    help=example(
        "シナリオを演じ、各機関の記録と本人の画面を確かめる。",
        "Play a scenario and check every party's records and the citizen's page.",
        "warifu play moved-household",
        "warifu play refused --json",
        "warifu play same-city --sabotage",
    ),
)(play)
app.add_typer(drill.app, name="drill")
app.add_typer(operator.app, name="operator")
app.add_typer(interim.app, name="interim")
app.add_typer(agency.app, name="agency")
app.add_typer(conformance.app, name="conformance")
app.command(
    "people",
    help=example(
        "架空の住民を特徴で探す。",
        "Find synthetic people by trait.",
        "warifu people --trait worker",
        "warifu people --name 佐藤 --json",
    ),
)(people)
app.command(
    "testcards",
    help=example(
        "テストカード：架空の住民と、その人についての照会ごとの正しい結果。",
        "Test cards: synthetic people, and what each inquiry about them must come to.",
        "warifu testcards --trait moved --institution nhi-480011 --row P07",
        "warifu testcards --institution welfare-480029 --people 200 --json",
    ),
)(show_cards)
app.command(
    "history",
    help=example(
        "その人のカードで市民ポータルにログインし、履歴を読む。",
        "Log in to the citizen portal with that person's card and read the history.",
        "warifu history p-000012",
    ),
)(history)
app.command(
    "inquire",
    help=example(
        "職員として他機関に照会する。",
        "Ask another institution as a clerk.",
        "warifu inquire p-000012 --requester nhi-480029 --provider tax-480011 --row P07 --year 2025",
    ),
)(inquire)
app.command(
    "view",
    help=example(
        "ある機関が一つの照会について持つものを、そのまま見る。",
        "See exactly what a party holds for one exchange.",
        "warifu view gateway --request 0198…",
    ),
)(view)
app.command(
    "audit",
    help=example(
        "ログと全機関の記録を外から突き合わせる。指摘があれば終了コード 1。",
        "Check the log and every party's records against each other; exit code 1 when something is found.",
        "warifu audit",
        "warifu audit --json",
        "warifu audit --resume audit.state",
    ),
)(audit)
app.command(
    "verify",
    help=example(
        "証明のファイルを、ネットワークなしで確かめる。合わないものがあれば終了コード 1。",
        "Check proof files without the network; exit code 1 when one fails.",
        "warifu verify warifu-0198….tlog-proof",
        "warifu verify *.tlog-proof --log-key log.vkey --witness-key witness.vkey --json",
    ),
)(verify)
app.command(
    "proof",
    help=example(
        "機関の窓口で、一つの照会のオフライン証明を取得する。",
        "Download an agency's offline proof of one exchange.",
        "warifu proof 0198… --institution nhi-480029",
        "warifu proof 0198… --institution tax-480011 --out kept.tlog-proof",
    ),
)(proof)
app.add_typer(permissions.app, name="permissions")
app.add_typer(authority.app, name="ca")
app.command(
    "rotate-keys",
    help=example(
        "止めたネットワークの機関一つの鍵を新しくする。前の鍵で封じたものも開ける。",
        "Give an institution of a stopped network new keys; what was sealed to the old ones still opens.",
        "warifu rotate-keys tax-480011 --state ./state",
    ),
)(rotate_keys)
app.command(
    "backup",
    help=example(
        "止めたネットワーク全体を保存する。月の鍵は別のファイル（.keys）に分ける。",
        "Save a stopped network; its month keys go to a file of their own (.keys).",
        "warifu backup net.tar.gz --state ./state",
        "warifu backup --forget net.tar.gz.keys --state ./state",
    ),
)(backup)
app.command(
    "restore",
    help=example(
        "バックアップを新しいフォルダーに戻す。",
        "Lay a backup into a new folder.",
        "warifu restore net.tar.gz --state ./state2",
        "warifu restore net.tar.gz --state ./state2 --keys /safe/net.tar.gz.keys",
    ),
)(restore)
app.add_typer(bench.app, name="bench")
app.add_typer(protos.app, name="protos")
app.command(
    "docs",
    help=example(
        "手引きを読む：一覧、一つ、またはその一節（英語）。",
        "Read the guides: the list, one of them, or a section of one.",
        "warifu docs",
        "warifu docs kit",
        "warifu docs protocol 9",
    ),
)(docs)
app.command(
    "rehearse",
    help=example(
        "法改正のリハーサル：同じ一日を二つの照合リスト（または二つの版）で演じ、違いを示す。",
        "Rehearse a change of law: the same day under two permission tables, or by two versions, and what differs.",
        "warifu rehearse --after permissions.toml --html report.html",
        "warifu rehearse --record day.json",
        "warifu rehearse --against day.json --expect-none",
    ),
)(rehearse)
app.command(
    "tour",
    help=example(
        "動いているネットワークの全画面を撮影し、一つの一覧にする。",
        "Photograph every page of the running network into one index.",
        "warifu tour --out ./tour",
        "warifu tour --out ./tour --only citizen --only clerk",
    ),
)(tour)
app.command(
    "traffic",
    help=example(
        "動いているネットワークに、一日・最も混む一時間・一年の照会を流し、報告とデータと正解を残す。時計は先へ進む。",
        "Make a day, the fullest hour or a year of inquiries on the running network: report, data and ground truth. Its clock moves on.",
        "warifu traffic --day --count 2000 --rate 20 --misuse 2% --out ./day",
        "warifu traffic --peak --scale 0.01",
        "warifu traffic --year --count 10000 --json",
    ),
)(traffic)
app.command(
    "test",
    help=example(
        "自身の検査を行う。続く語は pytest に渡る。",
        "Run warifu's own tests; further words go to pytest.",
        "warifu test",
        "warifu test --all",
        "warifu test -k permission",
    ),
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(run_tests)


def main() -> None:
    """Run the command."""
    settle(app)()


if __name__ == "__main__":
    main()
