"""The command's entry: its verbs and their help."""

from __future__ import annotations

import typer

from warifu.cli.demo import demo
from warifu.cli.status import status
from warifu.cli.testing import run_tests
from warifu.cli.text import t

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
    epilog=t("まず: ./warifu demo", "Begin with: ./warifu demo"),
)


def _example(ja: str, en: str, *lines: str) -> str:
    return t(ja, en) + "\n\n" + t("例", "Examples") + ":\n\n" + "\n\n".join(f"  {line}" for line in lines)


app.command(
    "demo",
    help=_example(
        "ネットワーク全体を起動する。Ctrl-C で終わる。",
        "Bring up the whole network; Ctrl-C ends it.",
        "warifu demo",
        "warifu demo --people 200 --state ./state --no-browser",
    ),
)(demo)
app.command(
    "status",
    help=_example(
        "動いている機関の状態を見る。", "Show the parties that run.", "warifu status", "warifu status --json"
    ),
)(status)
app.command(
    "test",
    help=_example(
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
    app()


if __name__ == "__main__":
    main()
