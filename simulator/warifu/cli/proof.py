"""`warifu proof`: an agency's offline proof of one exchange, as its counter downloads it; `warifu verify` checks it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.options import State, living
from warifu.cli.output import clear_errors, fail, out, writable, write
from warifu.cli.text import t


def proof(
    request: Annotated[str, typer.Argument(metavar="ID", help=t("照会の要求番号。", "Request id of the exchange."))],
    institution: Annotated[
        str, typer.Option(help=t("照会した、または提供した機関。", "Institution that asked or provided."))
    ],
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=t("保存先（既定: ID.tlog-proof）。", "Where to save it (default: ID.tlog-proof)."),
            show_default=False,
        ),
    ] = None,
    state: State = None,
) -> None:
    """Download the proof at the institution's counter."""
    path = file or Path(f"{request}.tlog-proof")
    writable(path)
    with clear_errors():
        content = asyncio.run(_content(state, request, institution))
        if content is None:
            fail(
                t(
                    "まだ証明できません。機関がログを確かめるまで、照会から 1 分ほどお待ちください。",
                    "not proved yet: the institution looks it up in the log within a minute after the exchange.",
                ),
                code=1,
            )
    write(path, content)
    out.print(
        t(f"{path} に保存しました。確認: warifu verify {path}", f"saved to {path}. Check it with: warifu verify {path}")
    )


async def _content(state: Path | None, request: str, institution: str) -> str | None:
    from warifu.interim.v1 import interim_pb2, interim_pb2_grpc  # noqa: PLC0415 - slow to import
    from warifu.simulator.doors import doors  # noqa: PLC0415
    from warifu.simulator.told import ToldError  # noqa: PLC0415

    _, file = living(state)
    if institution not in file.counters:
        known = ", ".join(file.counters)
        raise ToldError(
            f"{institution} という機関はありません。ある機関: {known}",
            f"no institution is called {institution}. There are: {known}",
        )
    async with doors(file) as opened:
        stub = interim_pb2_grpc.InterimServiceStub(opened.counter(institution))
        asked = interim_pb2.GetProofRequest(institution=institution, request_id=request)
        answer = await stub.GetProof(asked, timeout=15)
    return answer.proof if answer.HasField("proof") else None
