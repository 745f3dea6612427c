"""`warifu interim`: an institution's interim server for a business system of the tester's own, and the batch inquiry file."""

from __future__ import annotations

import asyncio
import signal
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, out, writable, write
from warifu.cli.text import example, t

if TYPE_CHECKING:
    from warifu.simulator.face import Face
    from warifu.simulator.face.batch import Batch
    from warifu.simulator.state import NetworkFile

PORT = 8190
_LOOK = 0.5
"""Seconds between two looks at how far a batch is."""
_ALIVE = 2.0
"""Seconds between two looks whether the network lives."""
app = typer.Typer(
    name="interim",
    invoke_without_command=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=example(
        "動いているネットワークのある機関の中間サーバーに、自分の業務システムをつなぐ窓口（gRPC、HTTP/JSON、一括照会ファイル）。Ctrl-C で終わる。",
        "The plain face of an institution's interim server of a running network, for your own business system: gRPC, HTTP/JSON, the batch inquiry file. Ctrl-C ends it.",
        "warifu interim --institution nhi-480029",
        "warifu interim --institution tax-480011 --tls --port 9000 --json",
        "warifu interim batch inquiries.DAT --institution nhi-480029 --out result.csv",
    ),
)
Institution = Annotated[
    str | None,
    typer.Option(
        help=t("機関のコード（例: nhi-480029）。", "The institution's code, such as nhi-480029."), show_default=False
    ),
]


@app.callback()
def interim(
    context: typer.Context,
    institution: Institution = None,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65534,
            help=t(
                "HTTP のポート。gRPC はその次。0 なら空いているもの。",
                "Port of HTTP; gRPC takes the next one. 0 for any.",
            ),
        ),
    ] = PORT,
    tls: Annotated[
        bool,
        typer.Option(
            "--tls",
            help=t("トークンの代わりに、証明書で相互に確かめる。", "Mutual TLS instead of a token."),
        ),
    ] = False,
    alone: Annotated[
        bool,
        typer.Option(
            "--alone",
            help=t(
                "その間、この機関の模擬の業務システムには自分からは何もさせない。",
                "Meanwhile the institution's simulated business system does nothing by itself.",
            ),
        ),
    ] = False,
    state: State = None,
    json_: Json = False,
) -> None:
    """Serve the face."""
    if context.invoked_subcommand is not None:
        return
    if institution is None:
        fail(t("--institution で機関を指定してください。", "name the institution with --institution."))
    with clear_errors():
        asyncio.run(_serve(state, institution, port, tls=tls, exclusive=alone, as_json=json_))


@app.command(
    help=example(
        "一括照会ファイル（18項目）で照会し、結果ファイルを書く。同じ行は二度照会しない。",
        "Inquire by a batch inquiry file (18 fields) and write the result file. The same line is never asked twice.",
        "warifu interim batch inquiries.DAT --institution nhi-480029 --out result.csv",
    )
)
def batch(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help=t("一括照会ファイル。", "The batch inquiry file."))
    ],
    institution: Institution = None,
    result: Annotated[
        Path | None,
        typer.Option("--out", help=t("結果ファイル。", "The result file."), show_default=False),
    ] = None,
    state: State = None,
    json_: Json = False,
) -> None:
    """Run a file. The exit code is 1 when a line could not be read or was refused."""
    if institution is None or result is None:
        fail(
            t(
                "--institution と --out を指定してください。",
                "name the institution with --institution and the result file with --out.",
            )
        )
    writable(result)
    with clear_errors():
        asked = asyncio.run(_batch(state, institution, file.read_bytes(), quiet=json_))
        done = _written(asked, result)
    if json_:
        document(done)
    else:
        out.print(
            t(
                f"{done['lines']} 行：確定 {done['answered']}、確認待ち {done['waiting']}、受け付けられず {done['refused']}、行の誤り {done['malformed']}、重複 {done['duplicates']}",
                f"{done['lines']} lines: final {done['answered']}, waiting for a clerk {done['waiting']}, refused {done['refused']}, malformed {done['malformed']}, twice {done['duplicates']}",
            )
        )
        if done["waiting"]:
            out.print(
                t(
                    "確認待ちの行は、あとで同じファイルをもう一度流すと埋まります。",
                    "Run the same file again later for what waits.",
                )
            )
        out.print(escape(str(result)))
    raise typer.Exit(1 if done["malformed"] or done["refused"] else 0)


async def _serve(state: Path | None, institution: str, port: int, *, tls: bool, exclusive: bool, as_json: bool) -> None:
    from warifu.simulator.face import Options, served  # noqa: PLC0415 - slow to import
    from warifu.simulator.face.alone import alone  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _, network = living(state)
    async with served(network, institution, options=Options(port, port and port + 1, tls)) as face:
        async with alone(network, institution) if exclusive else nullcontext():
            if as_json:
                document(face.document())
            else:
                _announce(face)
            lived = await _ended(stop, network)
        if not lived:
            fail(t("ネットワークが終わったので、窓口も終わります。", "the network has ended, and so does its face."), 1)


async def _ended(stop: asyncio.Event, network: NetworkFile) -> bool:
    """Wait until the user ends the face; False when the network ends first."""
    while network.living():
        with suppress(TimeoutError):
            return await asyncio.wait_for(stop.wait(), _ALIVE)
    return False


def _announce(face: Face) -> None:
    out.print(t(f"{face.institution} の中間サーバーの窓口", f"Interim server of {face.institution}"), style="bold")
    lines = [("HTTP/JSON", f"{face.http}/"), ("OpenAPI 3.1", f"{face.http}/openapi.json"), ("gRPC", face.grpc)]
    if face.token:
        lines.append((t("トークン", "Token"), face.token))
    lines += [(name, path) for name, path in (face.tls.shown if face.tls else {}).items()]
    for name, value in lines:
        out.print(f"  {name}: {value}", markup=False, soft_wrap=True)
    shown = f"-H 'Authorization: Bearer {face.token}'"
    if face.tls:
        shown = f"--cacert {face.tls.ca} --cert {face.tls.cert} --key {face.tls.key}"
    out.print(t("試す", "Try") + f":  curl -sS {shown} {face.http}/v1/inquiries", markup=False, soft_wrap=True)
    out.print(
        t(
            "窓口を通さず、機関のプロセスに直接 mTLS でつなぐ場合",
            "Without the face, on mTLS to the agency's own process",
        ),
        style="dim",
    )
    for name, value in face.document()["direct"].items():
        out.print(f"  {name}: {value}", markup=False, soft_wrap=True, style="dim")
    out.print(t("終了", "End") + ":  Ctrl-C")


async def _batch(state: Path | None, institution: str, content: bytes, *, quiet: bool) -> Batch:
    from warifu.interim.v1 import interim_pb2_grpc  # noqa: PLC0415
    from warifu.simulator.doors import doors  # noqa: PLC0415
    from warifu.simulator.face import FaceError  # noqa: PLC0415
    from warifu.simulator.face.batch import Batch  # noqa: PLC0415

    _, network = living(state)
    if institution not in network.counters:
        raise FaceError(f"{institution} という機関はありません。", f"no institution is called {institution}.")
    asked = Batch(institution, content)
    with err.status("") as status:
        async with doors(network) as opened:
            stub = interim_pb2_grpc.InterimServiceStub(opened.counter(institution))
            running = asyncio.create_task(asked.run(stub))
            while not (await asyncio.wait([running], timeout=_LOOK))[0]:
                if not quiet:
                    status.update(_how_far(asked))
            await running
    return asked


def _written(asked: Batch, result: Path) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415

    from warifu.simulator.face.batch import result_file  # noqa: PLC0415

    write(result, "".join(result_file(asked.rows)))
    return {**asdict(asked.progress), "left": asked.progress.left, "out": str(result)}


def _how_far(asked: Batch) -> str:
    progress = asked.progress
    done = t(
        f"{progress.lines - progress.left}/{progress.lines} 行",
        f"{progress.lines - progress.left} of {progress.lines} lines",
    )
    return done if asked.trouble is None else f"{done} – {t(asked.trouble.text('ja'), asked.trouble.text('en'))}"
