"""`warifu protos export DIR`: the contracts as files, for whoever writes a party in another language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, fail, out, placed
from warifu.cli.text import example, t

NOTE: Final = ".warifu-protos.json"
"""In the folder: SHA-256 of each file that was put there, by which a later export knows its own."""
GENERATE: Final[Mapping[str, str]] = {
    "node": "npm install @grpc/grpc-js @grpc/proto-loader  # loadSync([...], {includeDirs: [DIR]}); nothing is generated",
    "go": "buf generate DIR --template '{version: v2, managed: {enabled: true, override: [{file_option: go_package_prefix, value: "
    "example.org/you/gen}]}, plugins: [{local: protoc-gen-go, out: gen, opt: paths=source_relative}, "
    "{local: protoc-gen-go-grpc, out: gen, opt: paths=source_relative}]}'",
    "java": "protoc -I DIR --java_out=src --grpc-java_out=src --plugin=protoc-gen-grpc-java $(find DIR -name '*.proto')",
}
"""How to go on, by language."""
app = typer.Typer(
    name="protos",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=example(
        "契約（.proto）をファイルにする。",
        "The contracts (.proto) as files.",
        "warifu protos export ./protos",
        "warifu protos export ./protos --json",
    ),
)


@app.callback()
def _group() -> None:
    """Keep `export` a verb of the group although it is the only one."""


@app.command(
    "export",
    help=example(
        "すべての契約と、それが必要とするほかの定義をフォルダーに書き出す。前の書き出しは新しくなり、ほかのファイルには触れない。",
        "Write every contract, and what is needed beside them, to a folder. An earlier export is renewed; other files are not touched.",
        "warifu protos export ./protos",
        "warifu protos export ./protos --json",
    ),
)
def export(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help=t("書き出し先。なければ作る。", "The folder; made when it is not there.")),
    ],
    json_: Json = False,
) -> None:
    """Write the contracts."""
    files = contracts()
    with clear_errors(), placed(folder):
        foreign = sorted(name for name in _changed(folder, files) if not _is_ours(folder, name))
        if foreign:
            fail(
                t(
                    f"{folder} に、書き出したものではないファイルがあります: {', '.join(foreign)}。何も書いていません。別のフォルダーを選ぶか、移してください。",
                    f"{folder} has files that were not put there by an export: {', '.join(foreign)}. Nothing was written. Choose another folder, or move them.",
                )
            )
        _write(folder, files)
    commands = {name: line.replace("DIR", str(folder)) for name, line in GENERATE.items()}
    if json_:
        document({"folder": str(folder.absolute()), "files": sorted(files), "generate": commands})
        return
    out.print(t(f"{len(files)} 個を {folder} に書きました。", f"Wrote {len(files)} files to {folder}."), soft_wrap=True)
    for name, line in commands.items():
        out.print(f"[bold]{name}[/]  {escape(line)}", soft_wrap=True)


def contracts() -> dict[str, bytes]:
    """Every file of an export by its path in the tree, "/" between its parts.

    Beside the contracts these are google.rpc's forms of a failed call (docs/PROTOCOL.md §9). What those import, google/protobuf/*, comes
    with every protoc and buf.
    """
    from google.rpc import error_details_pb2  # noqa: PLC0415 - slow to import

    from warifu.common.v1 import common_pb2  # noqa: PLC0415

    # Beside the generated code, in a checkout as in an installed wheel.
    root = Path(common_pb2.__file__).parents[3]
    found = sorted((root / "warifu").glob("*/v*/*.proto"))
    beside = Path(error_details_pb2.__file__).parent
    others = {f"google/rpc/{name}": (beside / name).read_bytes() for name in ("error_details.proto", "status.proto")}
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found} | others


def _changed(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Names under which something else lies, those included that were exported once and are no longer."""
    gone = [name for name in _noted(folder) if name not in files and (folder / name).exists()]
    return gone + [
        name for name, content in files.items() if (folder / name).exists() and _content(folder / name) != content
    ]


def _is_ours(folder: Path, name: str) -> bool:
    """Is it as an earlier export left it."""
    return sha256(_content(folder / name)).hexdigest() == _noted(folder).get(name)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _noted(folder: Path) -> dict[str, str]:
    """The note of an earlier export; one that is not readable counts as none, so everything that differs is foreign."""
    try:
        noted = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    ours = noted if isinstance(noted, dict) else {}
    return {name: digest for name, digest in ours.items() if _is_inside(name)}


def _is_inside(name: str) -> bool:
    parts = Path(name).parts
    return not Path(name).is_absolute() and ".." not in parts and name.endswith(".proto")


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name in set(_noted(folder)) - set(files):
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    note = {name: sha256(content).hexdigest() for name, content in sorted(files.items())}
    (folder / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
