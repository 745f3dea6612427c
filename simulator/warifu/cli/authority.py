"""`warifu ca`: the root of trust of a network: what it issued, revoking, renewing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.options import Json, State
from warifu.cli.output import clear_errors, document, fail, out, table
from warifu.cli.text import t

app = typer.Typer(
    no_args_is_help=True,
    help=t("認証局：証明書の一覧・失効・更新。", "The certificate authority: list, revoke and renew certificates."),
)


@app.command("list", help=t("発行した証明書。", "Certificates issued.") + "\n\n  warifu ca list")
def list_certificates(state: State = None, json_: Json = False) -> None:
    """List what was issued."""
    from warifu.authority import open_authority  # noqa: PLC0415

    with clear_errors():
        issued = open_authority(_folder(state)).issued()
    if json_:
        document(
            {
                "certificates": [
                    {
                        "serial": f"{i.serial:x}",
                        "name": i.name,
                        "not_after": i.not_after.isoformat(),
                        "revoked_at": i.revoked_at.isoformat() if i.revoked_at else None,
                    }
                    for i in issued
                ]
            }
        )
        return
    rows = (
        [f"{i.serial:x}", i.name, i.not_after.astimezone(UTC).strftime("%Y-%m-%d"), _state(i.revoked_at, i.not_after)]
        for i in issued
    )
    table([t("シリアル番号", "serial"), t("名義", "name"), t("期限", "until"), t("状態", "state")], rows)


@app.command(
    "revoke",
    help=t(
        "失効させる。次の呼び出しから拒否される。", "Revoke; refused from the next call on, also on open connections."
    )
    + "\n\n  warifu ca revoke 3f2a…",
)
def revoke(
    serial: Annotated[str, typer.Argument(help=t("シリアル番号（16進）。", "Serial number, hexadecimal."))],
    state: State = None,
) -> None:
    """Revoke one certificate."""
    from warifu.authority import open_authority, publish_revocations  # noqa: PLC0415

    with clear_errors():
        folder = _folder(state)
        authority = open_authority(folder)
        try:
            gone = authority.revoke(int(serial, 16))
        except (ValueError, LookupError):
            fail(
                t(
                    f"{serial} は発行されていません。一覧: warifu ca list",
                    f"{serial} was never issued. List: warifu ca list",
                )
            )
        publish_revocations(authority, folder)
    out.print(t(f"{gone.name} を失効させました。", f"revoked {gone.name}."))


@app.command(
    "renew",
    help=t("すべての証明書を新しくする。再起動は要らない。", "Replace every certificate; nothing has to restart.")
    + "\n\n  warifu ca renew",
)
def renew(state: State = None) -> None:
    """Renew every certificate."""
    from warifu import authority  # noqa: PLC0415

    with clear_errors():
        count = authority.renew(_folder(state))
    out.print(t(f"{count} 通を更新しました。", f"renewed {count} certificates."))


def _state(revoked_at: datetime | None, not_after: datetime) -> str:
    if revoked_at is not None:
        return t("失効", "revoked")
    return t("期限切れ", "expired") if not_after < datetime.now(tz=UTC) else t("有効", "good")


def _folder(state: Path | None) -> Path:
    """The state folder that is meant; it need not run, but it must have an authority.

    Raises:
        StateError: there is none.
    """
    from warifu.simulator.state import NetworkFile, newest_living  # noqa: PLC0415

    folder = (state or newest_living()[0]).absolute()
    NetworkFile.load(folder)
    return folder
