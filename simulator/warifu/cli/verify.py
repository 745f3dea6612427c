"""`warifu verify`: checks offline proofs of records, without the network and without believing whoever handed them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from warifu.cli.options import Json, State
from warifu.cli.output import clear_errors, document, fail, out
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.exchange.logkeys import LogKeys
    from warifu.exchange.offline import Proven, ProvenCorrection
    from warifu.exchange.v1.exchange_pb2 import AccessRecord

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help=t("証明のファイル（.tlog-proof）。", "Proof files (.tlog-proof)."))
]
LogVKey = Annotated[
    str | None,
    typer.Option(
        "--log-key",
        metavar="VKEY|FILE",
        help=t(
            "ログの検証鍵、またはそのファイル。省略すると network.json のもの。",
            "The log's verifier key, or a file with it. Without it: that of network.json.",
        ),
        show_default=False,
    ),
]
WitnessVKey = Annotated[
    str | None,
    typer.Option(
        "--witness-key",
        metavar="VKEY|FILE",
        help=t(
            "監督機関（証人）の検証鍵、またはそのファイル。省略すると network.json のもの。",
            "The witness' verifier key, or a file with it. Without it: that of network.json.",
        ),
        show_default=False,
    ),
]
SAME: Final = ("request_id", "requester", "provider", "affair", "procedure", "item", "requested_at")
"""What all records of one exchange say alike."""


class ContradictionError(ValueError):
    """Records of one file that are not of one exchange, or say different things of it."""


def verify(
    files: Files, log_key: LogVKey = None, witness_key: WitnessVKey = None, state: State = None, json_: Json = False
) -> None:
    """Check proof files; exit code 1 when one fails."""
    with clear_errors():
        keys, source = _keys(log_key, witness_key, state)
    results = [_result(path, keys) for path in files]
    if json_:
        pinned = {"log": keys.log.vkey, "witness": keys.witness.vkey, "source": source}
        document({"passed": all(result["passed"] for result in results), "keys": pinned, "files": results})
    else:
        _tell(results, keys, source)
    if not all(result["passed"] for result in results):
        raise typer.Exit(1)


def _keys(log_key: str | None, witness_key: str | None, state: Path | None) -> tuple[LogKeys, str]:
    from warifu.exchange.logkeys import LogKeys  # noqa: PLC0415 - slow to import
    from warifu.simulator.state import NETWORK_NAME, NetworkFile, newest_living  # noqa: PLC0415
    from warifu.tlog.notes import LogKey, NoteKeyError, WitnessKey  # noqa: PLC0415

    known: Mapping[str, str] = {}
    source = "options"
    if log_key is None or witness_key is None:
        folder = (state or newest_living()[0]).absolute()
        known, source = NetworkFile.load(folder).log, str(folder / NETWORK_NAME)
    try:
        log = LogKey.parse(_text(log_key) or known.get("key", ""))
        return LogKeys(log, WitnessKey.parse(_text(witness_key) or known.get("witness", ""))), source
    except NoteKeyError as error:
        fail(t(f"検証鍵として使えません: {error}", f"not a verifier key that can be used: {error}"))


def _text(key: str | None) -> str | None:
    """A key, or what the file holds that is named instead."""
    if key is None:
        return None
    try:
        if Path(key).is_file():
            return Path(key).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        pass
    if "+" not in key:
        fail(
            t(
                f"{key} は検証鍵でも、読めるファイルでもありません。",
                f"{key} is neither a verifier key nor a file that can be read.",
            )
        )
    return key


def _result(path: Path, keys: LogKeys) -> dict[str, Any]:
    """One file's document."""
    from warifu.exchange import offline  # noqa: PLC0415

    try:
        trusted = offline.trust(keys)
        checked = [offline.check_any(proof, trusted) for proof in offline.read(path.read_bytes())]
        proven = [one for one in checked if isinstance(one, offline.Proven)]
        corrected = [one for one in checked if isinstance(one, offline.ProvenCorrection)]
        _agree([one.record for one in proven], corrected)
    except (OSError, ValueError) as error:
        return {"file": str(path), "passed": False, "error": _failure(error), "records": [], "corrections": []}
    return {
        "file": str(path),
        "passed": True,
        "error": None,
        "records": [_record(one) for one in proven],
        "corrections": [_correction(one) for one in corrected],
    }


def _agree(records: Sequence[AccessRecord], corrections: Sequence[ProvenCorrection]) -> None:
    if not records:
        raise ContradictionError("a correction without its records")
    first = records[0]
    for one in corrections:
        said = one.event.correction
        if said.request_id != first.request_id or said.institution not in {first.requester, first.provider}:
            raise ContradictionError("correction")
    for other in records[1:]:
        for name in SAME:
            if getattr(first, name) != getattr(other, name):
                raise ContradictionError(name)
    if len({record.kind for record in records}) != len(records):
        raise ContradictionError("kind")


def _record(proven: Proven) -> dict[str, Any]:
    from warifu.exchange.v1 import exchange_pb2 as pb  # noqa: PLC0415
    from warifu.kernel.instants import datetime_at, stamped  # noqa: PLC0415
    from warifu.web.dates import iso  # noqa: PLC0415

    record, checkpoint = proven.record, proven.head.checkpoint
    answered = iso(datetime_at(stamped(record.answered_at))) if record.HasField("answered_at") else None
    return {
        "kind": pb.RecordKind.Name(record.kind).removeprefix("RECORD_KIND_").lower(),
        **{name: getattr(record, name) for name in SAME[:-1]},
        "requested_at": iso(datetime_at(stamped(record.requested_at))),
        "answered_at": answered,
        "outcome": pb.Outcome.Name(record.outcome).removeprefix("OUTCOME_") if record.outcome else None,
        "index": proven.index,
        "log_size": checkpoint.size,
        "log_root": checkpoint.root.hex(),
        "cosigned_at": max(proven.head.cosigned.values()).isoformat(),
    }


def _correction(proven: ProvenCorrection) -> dict[str, Any]:
    from warifu.kernel.instants import datetime_at, stamped  # noqa: PLC0415
    from warifu.web.dates import iso  # noqa: PLC0415

    said, checkpoint = proven.event.correction, proven.head.checkpoint
    return {
        "request_id": said.request_id,
        "institution": said.institution,
        "statement": said.statement,
        "at": iso(datetime_at(stamped(proven.event.at))),
        "index": proven.index,
        "log_size": checkpoint.size,
        "log_root": checkpoint.root.hex(),
        "cosigned_at": max(proven.head.cosigned.values()).isoformat(),
    }


def _failure(error: Exception) -> dict[str, str]:
    """What is wrong, by kind and in both languages."""
    for kinds, name, ja, en in _failures():
        if isinstance(error, kinds):
            return {"kind": name, "ja": ja, "en": en, "detail": str(error)}
    raise error


def _failures() -> Sequence[tuple[tuple[type[Exception], ...], str, str, str]]:
    """The first that fits, of narrow to wide."""
    from warifu.exchange.record import RecordError  # noqa: PLC0415
    from warifu.tlog.bundle import MalformedBundleError  # noqa: PLC0415
    from warifu.tlog.checkpoint import UnwitnessedError  # noqa: PLC0415
    from warifu.tlog.notes import ForgedNoteError, NoteError, UnsignedNoteError  # noqa: PLC0415
    from warifu.tlog.proofs import ProofError  # noqa: PLC0415

    return (
        ((OSError,), "unreadable", "ファイルを読めません。", "The file cannot be read."),
        ((MalformedBundleError,), "malformed", "証明のファイルの形をしていません。", "This is not a proof file."),
        (
            (ContradictionError,),
            "contradiction",
            "ファイルの中の記録が、一つのやりとりのものではないか、互いに食い違っています。",
            "The records in the file are not of one exchange, or contradict each other.",
        ),
        (
            (RecordError,),
            "record",
            "記録と約束（コミットメント）が合いません。記録が書き換えられています。",
            "The record does not fit its commitment: it was altered.",
        ),
        (
            (ProofError,),
            "not-in-log",
            "この記録は、署名されたログのこの位置にありません。",
            "This record is not in the signed log at this place.",
        ),
        (
            (UnwitnessedError,),
            "unwitnessed",
            "監督機関（証人）の副署がありません。監督機関に見せていないログのおそれがあります。",
            "The witness has not cosigned: the log may never have been shown to it.",
        ),
        (
            (UnsignedNoteError,),
            "unsigned",
            "この鍵のログの署名がありません。別のネットワークの証明か、復元前のログの証明です。",
            "Not signed with this log's key: the proof is of another network, or of its log before it was restored.",
        ),
        (
            (ForgedNoteError,),
            "forged",
            "ログか監督機関の署名が鍵と合いません。偽造のおそれがあります。",
            "A signature of the log or of the witness does not fit its key: it may be forged.",
        ),
        ((NoteError,), "checkpoint", "チェックポイントの形をしていません。", "The checkpoint is malformed."),
    )


def _tell(results: Sequence[dict[str, Any]], keys: LogKeys, source: str) -> None:
    names = _names()
    for result in results:
        if result["passed"]:
            _tell_good(result, names)
        else:
            out.print(t("失敗", "FAILED") + f"  {result['file']}", style="bold red", markup=False)
            out.print(f"  {t(result['error']['ja'], result['error']['en'])}", markup=False)
            out.print(f"  ({result['error']['detail']})", style="dim", markup=False)
    if any(result["passed"] for result in results):
        _tell_limits(keys, source)


def _tell_good(result: Mapping[str, Any], names: Mapping[str, str]) -> None:
    out.print(t("合格", "good") + f"  {result['file']}", style="bold green", markup=False)
    first = result["records"][0]
    who = " → ".join(names.get(first[name], first[name]) for name in ("requester", "provider"))
    what = ": ".join(names.get(first[name], first[name]) for name in ("procedure", "item"))
    out.print(f"  {first['request_id']}", markup=False)
    out.print(f"  {first['requested_at'][:19].replace('T', ' ')}  {who}", markup=False)
    out.print(f"  {what}", markup=False)
    kinds = {
        "request": t("問い合わせの記録", "record of the inquiry"),
        "outcome": t("結果の記録", "record of the outcome"),
    }
    for record in result["records"]:
        outcome = f" [{record['outcome']}]" if record["outcome"] else ""
        place = t(
            f"ログの {record['index']} 番（大きさ {record['log_size']}）、副署 {record['cosigned_at']}",
            f"leaf {record['index']} of {record['log_size']}, cosigned {record['cosigned_at']}",
        )
        out.print(f"  {kinds.get(record['kind'], record['kind'])}{outcome}: {place}", markup=False)
    for said in result["corrections"]:
        who = names.get(said["institution"], said["institution"])
        out.print(t(f"  訂正（{who}）: ", f"  correction by {who}: ") + said["statement"], markup=False)


def _tell_limits(keys: LogKeys, source: str) -> None:
    """What was checked, by which keys, and what was not."""
    out.print(
        t(
            "\n確かめたこと: 記録が書き換えられていないこと、署名されたログに載っていること、監督機関が副署したこと。",
            "\nChecked: the records are unaltered, they are in a log that is signed with its key, and the witness cosigned it.",
        )
    )
    out.print(
        t(
            "確かめていないこと: ほかに記録がないこと、記録の内容が事実であること、ログが副署の後も続いていること（warifu audit）、鍵が本物であること。",
            "Not checked: that there are no other records, that what they say is true, that the log went on since (warifu audit), "
            "and that the keys are the right ones.",
        )
    )
    where = t("命令の指定", "the command line") if source == "options" else source
    out.print(t(f"鍵の出どころ: {where}", f"Keys from {where}:"), style="dim", markup=False)
    for key in (keys.log.vkey, keys.witness.vkey):
        out.print(f"  {key}", style="dim", markup=False, soft_wrap=True)


def _names() -> Mapping[str, str]:
    """Names by code, as the packaged law book has them; for reading only."""
    from warifu.law import packaged  # noqa: PLC0415

    book, lang = packaged(), language()
    return {
        code: one.name.to(lang)
        for kind in (book.institutions, book.table.procedures, book.items)
        for code, one in kind.items()
    }
