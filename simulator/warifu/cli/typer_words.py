"""What Typer prints by itself, headings of helps and errors of usage, in the terminal's language; and of helps nothing is cut.

Typer has its own words in English alone, and crops a text without spaces, such as a Japanese sentence, where its column ends. It offers no way
to change either, so its classes are told here. What it should say otherwise one day stays as it says it: in English, and the tests tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, wraps
from types import ModuleType
from typing import Any, Final

import typer
from rich.columns import Columns
from rich.text import Text

from warifu.cli.text import language

_HEADINGS: Final = {
    "DEPRECATED_STRING": "（廃止予定）",
    "DEFAULT_STRING": "[既定: {}]",
    "ENVVAR_STRING": "[環境変数: {}]",
    "REQUIRED_LONG_STRING": "[必須]",
    "ARGUMENTS_PANEL_TITLE": "引数",
    "OPTIONS_PANEL_TITLE": "オプション",
    "COMMANDS_PANEL_TITLE": "コマンド",
    "ERRORS_PANEL_TITLE": "エラー",
    "ABORTED_TEXT": "中止しました。",
    "RICH_HELP": "使い方: [blue]{command_path} {help_option}[/]",
}
"""By Typer's names for them."""
_USAGE: Final = (("Usage: ", "使い方: "), ("[OPTIONS]", "[オプション]"), ("COMMAND [ARGS]...", "コマンド [引数]..."))
_HELP: Final = "この説明を表示する。"
_ERRORS: Final = tuple(
    (re.compile(f"{pattern}$", re.DOTALL), said)
    for pattern, said in (
        (r"No such command '(.*)'\.", r"\1 というコマンドはありません。"),
        (r"No such option: (\S+)", r"\1 というオプションはありません。"),
        (r"No such option: (\S+) \(Possible options: (.*)\)", r"\1 というオプションはありません。似たもの: \2"),
        (r"Missing argument '(.*)'\.", r"引数 \1 が要ります。"),
        (r"Missing option '(.*)'\.", r"オプション \1 が要ります。"),
        (r"Missing command\.", r"コマンドを指定してください。"),
        (r"Option '(.*)' requires an argument\.", r"オプション \1 には値が要ります。"),
        (r"Option '(.*)' does not take a value\.", r"オプション \1 は値をとりません。"),
        (r"Got unexpected extra argument\(s\) \((.*)\)", r"余分な引数があります: \1"),
    )
)
_INVALID: Final = re.compile(r"Invalid value for '(.*?)': (.*)$", re.DOTALL)
_VALUES: Final = tuple(
    (re.compile(f"{pattern}$", re.DOTALL), said)
    for pattern, said in (
        (r"Input should be a valid integer\b.*", "整数にしてください。"),
        (r"Input should be a valid number\b.*", "数にしてください。"),
        (r"Input should be greater than or equal to (.*)", r"\1 以上にしてください。"),
        (r"Input should be less than or equal to (.*)", r"\1 以下にしてください。"),
        (r"Input should be greater than (.*)", r"\1 より大きくしてください。"),
        (r"Input should be less than (.*)", r"\1 より小さくしてください。"),
        (r"(?i:file|directory|path) '(.*)' does not exist\.", r"\1 がありません。"),
        (r"(?i:file|directory|path) '(.*)' is a file\.", r"\1 はファイルです。フォルダーを指定してください。"),
        (r"(?i:file|directory|path) '(.*)' is a directory\.", r"\1 はフォルダーです。ファイルを指定してください。"),
        (r"(?i:file|directory|path) '(.*)' is not readable\.", r"\1 を読めません。"),
        (r"(?i:file|directory|path) '(.*)' is not writable\.", r"\1 に書けません。"),
        (r"(?:Value error, )?'?(.*?)'? is not one of (.*)\.", r"\1 は使えません。使えるもの: \2"),
    )
)


def settle(app: typer.Typer) -> Any:
    """The command of `app`, with Typer's own words as they are to be printed. Of the whole process."""
    command = typer.main.get_command(app)
    japanese = language() == "ja"
    for one in _tree(command):
        _before(one, "format_help", _print_whole)
        if japanese:
            _after(one, "get_usage", _usage)
            _after(one, "get_help_option", _help_option)
    if japanese:
        general, *others = _usage_errors()
        _before(general, "__init__", _print_whole)
        for error in (general, *others):
            if error is general or "format_message" in vars(error):
                _after(error, "format_message", told)
    return command


def told(english: str) -> str:
    """An error of usage in Japanese; what is not known stays as it is."""
    if invalid := _INVALID.match(english):
        return f"{invalid[1]} の値: {_first(_VALUES, invalid[2])}"
    return _first(_ERRORS, english)


def _first(known: tuple[tuple[re.Pattern[str], str], ...], english: str) -> str:
    return next((found.expand(said) for pattern, said in known if (found := pattern.match(english))), english)


def _usage(english: str) -> str:
    for word, said in _USAGE:
        english = english.replace(word, said)
    return english


def _help_option(option: Any) -> Any:
    if option is not None:
        option.help = _HELP
    return option


@cache
def _print_whole() -> None:
    """Once, and not before something is printed: what prints is slow to load."""
    from typer import rich_utils  # noqa: PLC0415

    for made in ("_make_rich_text", "_get_parameter_help"):
        _after(rich_utils, made, _folded)
    if language() == "ja":
        for name, said in _HEADINGS.items():
            setattr(rich_utils, name, said)


def _folded(made: Any) -> Any:
    for text in made.renderables if isinstance(made, Columns) else [made]:
        if isinstance(text, Text):
            text.overflow = "fold"
    return made


def _usage_errors() -> Iterator[type]:
    """Every class of errors of usage, the most general first."""
    classes = [cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "UsageError"]
    while classes:
        yield (first := classes.pop(0))
        classes += first.__subclasses__()


def _tree(command: Any) -> Iterator[Any]:
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from _tree(one)


def _before(where: object, name: str, first: Callable[[], None]) -> None:
    """Have `first` done before each call."""
    call = getattr(where, name)

    @wraps(call)
    def both(*args: Any, **keywords: Any) -> Any:
        first()
        return call(*args, **keywords)

    setattr(where, name, both)


def _after(where: ModuleType | object, name: str, change: Callable[[Any], Any]) -> None:
    """Have what each call returns changed."""
    call = getattr(where, name)

    @wraps(call)
    def changed(*args: Any, **keywords: Any) -> Any:
        return change(call(*args, **keywords))

    setattr(where, name, changed)
