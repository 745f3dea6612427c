"""`warifu rotate-keys`: new keys for one institution of a network that is stopped; its next start tells everyone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, fail, out
from warifu.cli.text import t

_GATEWAY = "gateway"
"""Its keys sign permits for everyone, and are not an institution's."""


def rotate_keys(
    institution: Annotated[
        str, typer.Argument(help=t("機関のコード。例: tax-480011", "The institution's code, such as tax-480011."))
    ],
    state: Annotated[Path, typer.Option(help=t("状態フォルダー。", "The state folder."))],
    json_: Json = False,
) -> None:
    """Change an institution's HPKE and signing keys; the HPKE keys before stay, for what is in flight."""
    from warifu.exchange.keys import InstitutionKeys  # noqa: PLC0415 - slow to import
    from warifu.simulator.state import NetworkFile  # noqa: PLC0415

    with clear_errors():
        folder = state.absolute()
        if NetworkFile.load(folder).living():
            fail(
                t(
                    "ネットワークが動いています。止めてから、もう一度実行してください。鍵は起動のときに読まれます。",
                    "the network is running. Stop it first: keys are read at the start.",
                )
            )
        held = _holders(folder)
        if institution not in held:
            fail(
                t(
                    f"{institution} の鍵はここにありません。ある機関: {', '.join(sorted(held)) or 'なし'}",
                    f"there are no keys of {institution} here. There are those of: {', '.join(sorted(held)) or 'nobody'}",
                )
            )
        made = InstitutionKeys.rotate(held[institution], institution)
    if json_:
        document({"institution": institution, "hpke_key_id": made.hpke_key_id, "signing_key_id": made.signing_key_id})
        return
    out.print(
        t(
            f"{institution} の鍵を新しくしました（HPKE {made.hpke_key_id}、署名 {made.signing_key_id}）。次の起動で公開されます。前の鍵で封じたものも開けます。",
            f"{institution} has new keys (HPKE {made.hpke_key_id}, signing {made.signing_key_id}). The next start publishes them. What was sealed to the keys before still opens.",
        ),
        soft_wrap=True,
    )


def _holders(folder: Path) -> dict[str, Path]:
    """The folders of keys, by institution."""
    found = {path.name.removesuffix(".keys.json"): path.parent for path in folder.glob("*/secrets/*.keys.json")}
    return {code: secrets for code, secrets in found.items() if code != _GATEWAY}
