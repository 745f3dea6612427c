"""tests/vectors says what our code does: the files are what it gives, and everything in them is accepted or refused as they say."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from hashlib import shake_256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from google.protobuf.json_format import ParseDict

from warifu.dev import vectors
from warifu.exchange import answer, event, padding, permit, receipt, record, sealing
from warifu.exchange.keys import InstitutionKeys, OpenError, VerifyingKey
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.codes import CodeUnknownError, Epochs, SivScheme
from warifu.kernel.errors import LinkageError
from warifu.linkage.v1 import linkage_pb2
from warifu.log.v1 import log_pb2
from warifu.tlog import merkle, proofs


def read(name: str) -> dict[str, Any]:
    """A file."""
    return json.loads((vectors.FOLDER / name).read_text(encoding="utf-8"))


def raw(text: str) -> bytes:
    """Bytes."""
    return bytes.fromhex(text)


def entries(name: str, *path: str) -> list[Any]:
    """Entries of a file as parameters, named."""
    found: Any = read(name)
    for step in path:
        found = found[step]
    return [pytest.param(one, id=one["name"].replace(" ", "-")) for one in found]


def holder(owner: str) -> InstitutionKeys:
    """A recipient's keys, from nothing but the file."""
    one = next(one for one in read("sealing.json")["recipients"] if one["owner"] == owner)
    keys = InstitutionKeys(owner, [shake_256(raw(one["xwing_seed"])).digest(96)], bytes(32))
    assert (keys.hpke_key_id, keys.hpke_public) == (one["hpke_key_id"], raw(one["hpke_public_key"]))
    return keys


def signer(owner: str) -> VerifyingKey:
    """A recipient's verifying key, from nothing but the file."""
    one = next(one for one in read("sealing.json")["recipients"] if one["owner"] == owner)
    return VerifyingKey.parse(owner, raw(one["signing_public_key"]))


def gateway() -> VerifyingKey:
    """The gateway's."""
    return VerifyingKey.parse("gateway", raw(read("permits.json")["gateway"]["signing_public_key"]))


def check_permit(one: dict[str, Any]) -> permit.CheckedPermit:
    """A permit, as its provider checks it."""
    key = gateway()
    checker = permit.PermitChecker(read("permits.json")["provider"], {key.key_id: key}.get)
    return checker.check(pb.SignedPermit.FromString(raw(one["signed_permit"])))


def test_the_files_are_what_the_code_gives() -> None:
    """The tool would write the same files again, seals included."""
    assert vectors.stale() == []
    named = {path.name for path in vectors.FOLDER.glob("*.json")}
    assert named == set(vectors.FILES)


def test_a_seal_that_no_longer_fits_is_made_anew(tmp_path: Path) -> None:
    """A file with an altered seal is stale, and writing it gives a seal that opens."""
    shutil.copytree(vectors.FOLDER, tmp_path / "vectors")
    path = tmp_path / "vectors" / "sealing.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    said["blocks"][0]["block"] = said["blocks"][0]["block"][:-2] + "00"
    path.write_text(json.dumps(said), encoding="utf-8")
    assert vectors.stale(path.parent) == ["sealing.json"]
    vectors.write(path.parent)
    assert vectors.stale(path.parent) == []


def test_codes_follow_from_the_keys_between() -> None:
    """Each code is epoch ‖ AES-SIV of the master under the stated key and data, and our scheme opens it for its holder."""
    said = read("codes.json")
    for case in said["cases"]:
        sealed = AESSIV(raw(case["institution_key"])).encrypt(
            raw(case["master"]), [raw(one) for one in case["associated_data"]]
        )
        assert raw(case["code"]) == bytes((case["epoch"],)) + sealed
        scheme = SivScheme(raw(said["secret"]), Epochs((1, 2), {case["institution"]: case["epoch"]}))
        seen = scheme.open(pb.SubjectReference(code=raw(case["code"])), case["institution"]).seen_by(
            case["institution"]
        )
        assert seen.code == raw(case["code"])


@pytest.mark.parametrize("one", entries("codes.json", "refused"))
def test_wrong_codes_are_unknown(one: dict[str, Any]) -> None:
    """A code that was not issued to its holder does not open."""
    scheme = SivScheme(raw(read("codes.json")["secret"]), Epochs(tuple(one["accepted_epochs"])))
    with pytest.raises(CodeUnknownError):
        scheme.open(pb.SubjectReference(code=raw(one["code"])), one["holder"])


def test_batches_are_signed_over_the_root() -> None:
    """OpenSSL verifies each signature over tag, number and root, and each shown path leads there."""
    said = read("batches.json")
    key = Ed25519PublicKey.from_public_bytes(raw(said["signing_public_key"]))
    for one in said["batches"]:
        size = len(one["items"])
        assert raw(one["signed"]) == raw(said["tag"]) + size.to_bytes(4, "big") + raw(one["root"])
        key.verify(raw(one["signature"]), raw(one["signed"]))
        for index, path in one["paths"].items():
            leaf = merkle.leaf_hash(raw(one["items"][int(index)]))
            assert merkle.root_from_path(leaf, int(index), size, [raw(step) for step in path]) == raw(one["root"])


def test_trees_include_and_continue() -> None:
    """Every inclusion path and every consistency proof holds by the log's own checks, and by no other place."""
    said = read("trees.json")
    leaves = [raw(one) for one in said["leaf_hashes"]]
    assert [merkle.leaf_hash(raw(one)) for one in said["entries"]] == leaves
    for tree in said["trees"]:
        for index, path in enumerate(tree["inclusion"]):
            proofs.check_inclusion(leaves[index], index, tree["size"], [raw(step) for step in path], raw(tree["root"]))
    for one in said["consistency"]:
        steps, old, new = [raw(step) for step in one["proof"]], raw(one["old_root"]), raw(one["new_root"])
        assert merkle.roots_from_consistency(one["old_size"], old, one["new_size"], steps) == (old, new)


def test_padding_falls_into_the_stated_classes() -> None:
    """Content of a length is padded to its class, a block to its floor at least, and what is padded comes back."""
    said = read("padding.json")
    for one in said["classes"]:
        assert len(padding.pad(bytes(one["content"]))) == one["padded"]
    for one in said["floors"]:
        assert Purpose[one["purpose"]].floor(one["items"]) == one["floor"]
    assert padding.unpad(raw(said["padded"]["bytes"])) == raw(said["padded"]["content"])


@pytest.mark.parametrize("one", entries("padding.json", "refused"))
def test_wrong_padding_is_refused(one: dict[str, Any]) -> None:
    """What is no padded content is refused."""
    with pytest.raises(padding.PaddingError):
        padding.unpad(raw(one["bytes"]))


def test_seals_open() -> None:
    """Each block opens for its recipient, under the stated info too, to the stated plaintext of the stated size."""
    for one in read("sealing.json")["blocks"]:
        block, own = pb.SealedBlock.FromString(raw(one["block"])), holder(one["recipient"])
        assert sealing.open_block(Purpose[one["purpose"]], block, own) == raw(one["plaintext"])
        padded = own.open(one["key_id"], block.ciphertext, raw(one["info"]))
        assert (len(padded), padding.unpad(padded)) == (one["padded_bytes"], raw(one["plaintext"]))
        assert sealing.block_hash(block) == raw(one["block_hash"])


@pytest.mark.parametrize("one", entries("sealing.json", "refused"))
def test_wrong_seals_do_not_open(one: dict[str, Any]) -> None:
    """A block that was changed in any way does not open for the one whom it was for."""
    with pytest.raises(OpenError):
        sealing.open_block(Purpose[one["purpose"]], pb.SealedBlock.FromString(raw(one["block"])), holder("tax-480011"))


def test_the_signed_answer_is_accepted() -> None:
    """The requester opens the signed block and finds each answer under its header and permit."""
    said, answers = read("sealing.json")["sealed_answers"], read("records.json")["answers"]
    sealed = pb.SealedAnswer.FromString(raw(said["sealed_answer"]))
    opened = answer.open_answers(sealed, holder(said["requester"]), signer(said["provider"]))
    for index, one in enumerate(answers):
        expected = pb.Answer.FromString(raw(one["answer"]))
        assert opened.answer(index, expected.header_hash, expected.permit_hash) == expected


@pytest.mark.parametrize("one", entries("sealing.json", "sealed_answers", "refused"))
def test_wrong_signatures_of_answers_are_refused(one: dict[str, Any]) -> None:
    """An answer that its provider did not sign is refused with the stated reason."""
    sealed = pb.SealedAnswer.FromString(raw(one["sealed_answer"]))
    with pytest.raises(LinkageError) as refused:
        answer.open_answers(sealed, holder("nhi-480029"), signer("tax-480011"))
    assert refused.value.reason == one["reason"]


def test_good_permits_are_accepted() -> None:
    """Each permit is accepted, alone and in a batch, with the stated hashes and fields."""
    for one in read("permits.json")["permits"]:
        checked = check_permit(one)
        assert (checked.permit_hash, checked.header_hash) == (raw(one["permit_hash"]), raw(one["header_hash"]))
        assert checked.permit == ParseDict(one["fields"], pb.Permit())
        assert checked.header == ParseDict(one["header_fields"], pb.RequestHeader())


@pytest.mark.parametrize("one", entries("permits.json", "refused"))
def test_wrong_permits_are_refused(one: dict[str, Any]) -> None:
    """Each wrong permit is refused with the stated reason."""
    with pytest.raises(LinkageError) as refused:
        check_permit(one)
    assert refused.value.reason == one["reason"]


@pytest.mark.parametrize("one", entries("permits.json", "windows"))
def test_windows_open_and_close(one: dict[str, Any]) -> None:
    """A permit is accepted for the first time within its window and 30 seconds around it alone."""
    checked, now = check_permit(one), datetime.fromtimestamp(one["now"] / 1000, tz=UTC)
    if one["reason"] is None:
        permit.check_window(checked, now)
        return
    with pytest.raises(LinkageError) as refused:
        permit.check_window(checked, now)
    assert refused.value.reason == one["reason"]


def test_receipts_verify() -> None:
    """Each receipt is the gateway's, over the stated item."""
    for one in read("permits.json")["receipts"]:
        made = linkage_pb2.Receipt.FromString(raw(one["receipt"]))
        receipt.check(made, gateway())
        assert raw(one["signed_item"]) == raw(one["commitment"]) + one["recorded_at"].to_bytes(8, "big")


def test_records_events_and_answers_have_the_stated_hashes() -> None:
    """Commitments open, leaves are those of the log, and the digest of an answer is that of its fields serialised again."""
    said = read("records.json")
    for one in said["records"]:
        committed = pb.CommittedRecord(
            record=raw(one["record"]), salt=raw(one["salt"]), commitment=raw(one["commitment"])
        )
        assert record.check(committed) == ParseDict(one["fields"], pb.AccessRecord())
        assert merkle.leaf_hash(committed.commitment) == raw(one["leaf_hash"])
    for one in said["events"]:
        noted = log_pb2.CommittedEvent(
            event=raw(one["event"]), salt=raw(one["salt"]), commitment=raw(one["commitment"])
        )
        assert event.check(noted) == ParseDict(one["fields"], log_pb2.NetworkEvent())
    for one in said["answers"]:
        made = answer.answer_bytes(ParseDict(one["fields"], pb.Answer()))
        assert (made, answer.answer_digest(made)) == (raw(one["answer"]), raw(one["digest"]))
        inside = pb.Answer.FromString(made)
        assert answer.answer_leaf(inside.header_hash, inside.permit_hash) == raw(one["leaf"])
