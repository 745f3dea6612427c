"""Puts certificates, revocations and the law book where parties look for them (docs/ARCHITECTURE.md §4)."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from warifu.authority.authority import Authority
from warifu.authority.certificates import Leaf
from warifu.authority.files import PUBLIC, SECRET, replace_file
from warifu.authority.logkeys import WITNESS_PARTY, provision_log_keys
from warifu.kernel.identity import COUNTER
from warifu.law import book
from warifu.law.signature import bytes_to_sign

AUTHORITY_FOLDER: Final = "ca"
COUNTERS_FOLDER: Final = "counters"
INSPECTOR: Final = "inspector"
"""The supervisor's staff at a command line: a second identity of the watchdog, in a folder of its own."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one leaf lies."""

    certificate: Path
    key: Path
    leaf: Leaf


def provision(
    state: Path,
    parties: Mapping[str, Sequence[str]],
    *,
    counters: Sequence[str] = (),
    hosts: Mapping[str, Sequence[str]] | None = None,
    authority: Authority | None = None,
) -> Authority:
    """Give every party its certificates, the root, the revocation list, the signed law book, and the keys of log and witness.

    Safe to repeat: what is good stays. With a watchdog among the parties there is also an inspector, in `inspector/`.

    Args:
        state: the network's state folder.
        parties: identities of each party, such as {"gateway": ["main"], "tax": ["tax-480011", …], "portal": ["portal-main"]}.
        counters: institutions that get a counter terminal's certificate in `counters/<institution>`.
        hosts: further DNS names of a party's server.
        authority: the root; by default that in `state`/ca, made when there is none.

    Returns:
        The root of trust.
    """
    authority = authority or open_authority(state)
    places = list(_places(state, parties, counters, hosts or {}))
    _issue(authority, [place for place in places if not _good(authority, place)])
    for party in parties:
        replace_file(state / party / "trust" / "ca.pem", authority.root_pem, PUBLIC)
    publish_law(authority, state, parties, book.packaged_files())
    for code in counters:
        replace_file(state / COUNTERS_FOLDER / code / "ca.pem", authority.root_pem, PUBLIC)
    if WITNESS_PARTY in parties:
        replace_file(state / INSPECTOR / "ca.pem", authority.root_pem, PUBLIC)
    provision_log_keys(state, parties)
    authority.write_crl(state / party / "trust" / "revoked.crl" for party in parties)
    return authority


def admit(state: Path, party: str, codes: Sequence[str], like: str) -> None:
    """Certificates for `codes` of a party, or of an institution's own server (`config.own_server`), in a network that was provisioned before.

    What it is to trust is what the party `like` trusts now. Safe to repeat.
    """
    authority = open_authority(state)
    places = list(_places(state, {party: codes}, (), {}))
    _issue(authority, [place for place in places if not _good(authority, place)])
    if party != like:
        shutil.copytree(state / like / "trust", state / party / "trust", dirs_exist_ok=True)


def dismiss(state: Path, names: Collection[str], folders: Sequence[Path]) -> None:
    """Revoke everything that was ever issued under these names, and remove the folders that hold it. In force at everybody's next call."""
    authority = open_authority(state)
    for entry in authority.issued():
        if entry.name in names and entry.revoked_at is None:
            authority.revoke(entry.serial)
    publish_revocations(authority, state)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def renew(state: Path) -> int:
    """Replace every certificate in `state` by a new one of the same name, and the revocation list. Living parties go on.

    Returns:
        How many were replaced.
    """
    authority = open_authority(state)
    places = list(_existing(state))
    _issue(authority, places)
    publish_revocations(authority, state)
    return len(places)


def publish_revocations(authority: Authority, state: Path) -> None:
    """Write the revocation list to every party in `state`; it is in force at their next call."""
    authority.write_crl(sorted(state.glob("*/trust/revoked.crl")))


def publish_law(authority: Authority, state: Path, parties: Iterable[str], files: Mapping[str, bytes]) -> None:
    """Sign a law book and put it where `parties` look for it; it is in force at their next call."""
    signature = authority.sign(bytes_to_sign(files))
    for party in parties:
        book.write(state / party / "trust" / "law", files, signature)


def open_authority(state: Path) -> Authority:
    """The root in `state`/ca, made when there is none."""
    folder = state / AUTHORITY_FOLDER
    return Authority.open(folder) if (folder / "root.key").exists() else Authority.create(folder)


def _places(
    state: Path, parties: Mapping[str, Sequence[str]], counters: Sequence[str], hosts: Mapping[str, Sequence[str]]
) -> Iterator[_Place]:
    for party, codes in parties.items():
        tls = state / party / "tls"
        yield _Place(tls / "server.pem", tls / "server.key", Leaf.server(party, hosts.get(party, ())))
        for code in codes:
            yield _client(state / party / "identities" / code, _kind(party), code)
    for code in counters:
        yield _client(state / COUNTERS_FOLDER / code, COUNTER, code)
    if WITNESS_PARTY in parties:
        yield _client(state / INSPECTOR, WITNESS_PARTY, INSPECTOR)


def _existing(state: Path) -> Iterator[_Place]:
    for path in sorted(state.glob("*/tls/server.pem")):
        party = path.parent.parent.name
        names = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        _own, *more = names.value.get_values_for_type(x509.DNSName)
        yield _Place(path, path.with_suffix(".key"), Leaf.server(party, more))
    for path in sorted(state.glob("*/identities/*/cert.pem")):
        yield _client(path.parent, _kind(path.parent.parent.parent.name), path.parent.name)
    for path in sorted(state.glob(f"{COUNTERS_FOLDER}/*/cert.pem")):
        yield _client(path.parent, COUNTER, path.parent.name)
    if (state / INSPECTOR / "cert.pem").exists():
        yield _client(state / INSPECTOR, WITNESS_PARTY, INSPECTOR)


def _kind(folder: str) -> str:
    """The party in the identities of a folder, which may be that of an institution's own server."""
    return folder.rpartition(".")[2]


def _client(folder: Path, party: str, code: str) -> _Place:
    return _Place(folder / "cert.pem", folder / "key.pem", Leaf.client(party, code))


def _good(authority: Authority, place: _Place) -> bool:
    """Whether a certificate of this root lies there and more than half of its life is left."""
    if not (place.certificate.exists() and place.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(place.certificate.read_bytes())
    fresh_until = certificate.not_valid_after_utc - authority.lifetimes.leaf / 2
    names = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    wanted = names == [place.leaf.name, *place.leaf.more]
    return wanted and _issued_by(certificate, authority.root) and authority.now() < fresh_until


def _issued_by(certificate: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except Exception:  # noqa: BLE001 - the library raises several kinds; each means no
        return False
    return True


def _issue(authority: Authority, places: Sequence[_Place]) -> None:
    pairs = authority.issue(place.leaf for place in places) if places else []
    for place, pair in zip(places, pairs, strict=True):
        # The key first: whoever watches the certificate file finds the pair complete.
        replace_file(place.key, pair.key, SECRET)
        replace_file(place.certificate, pair.certificate, PUBLIC)
