"""The server's side of mTLS: its certificate, read again when the file changes, and the demand for the client's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, cast

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_LOG: Final = logging.getLogger(__name__)


class Pair(NamedTuple):
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes


class Stamp(NamedTuple):
    """What tells that a file was replaced."""

    modified_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """The stamp of a file as it is now."""
        status = path.stat()
        return cls(status.st_mtime_ns, status.st_size, status.st_ino)


def read_pair(certificate_path: Path, key_path: Path) -> Pair:
    """The pair in two files.

    Raises:
        ValueError: the two do not belong together, as in the middle of a rotation, or are not readable as PEM.
        OSError: a file cannot be read.
    """
    pair = Pair(certificate_path.read_bytes(), key_path.read_bytes())
    shown = x509.load_pem_x509_certificate(pair.certificate).public_key()
    held = load_pem_private_key(pair.key, password=None).public_key()
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if shown.public_bytes(*form) != held.public_bytes(*form):
        raise ValueError(f"{certificate_path} and {key_path} do not belong together")
    return pair


class ServerCertificate:
    """A party's server certificate as its file has it now. Asked once a handshake, on gRPC's own thread."""

    def __init__(self, folder: Path) -> None:
        """Read `folder`/tls/server.pem and .key against the root in `folder`/trust."""
        self._certificate = folder / "tls" / "server.pem"
        self._key = folder / "tls" / "server.key"
        self._root = (folder / "trust" / "ca.pem").read_bytes()
        self._stamp = Stamp.of(self._certificate)
        self._pair = read_pair(self._certificate, self._key)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """The pair read last, and whom clients must be certified by."""
        return grpc.ssl_server_certificate_configuration([(self._pair.key, self._pair.certificate)], self._root)

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """The new configuration when the file was replaced; nothing while it was not or cannot be used."""
        try:
            stamp = Stamp.of(self._certificate)
            if stamp == self._stamp:
                return None
            self._pair, self._stamp = read_pair(self._certificate, self._key), stamp
        except (OSError, ValueError) as error:
            _LOG.warning("server certificate not renewed: %s", error)
            return None
        return self.configuration()


def server_credentials(folder: Path) -> grpc.ServerCredentials:
    """Credentials that demand a client certificate under the network's root and follow rotation without a restart.

    Raises:
        OSError, ValueError: the folder has no usable pair; see `read_pair`.
    """
    current = ServerCertificate(folder)
    fetch = cast("Callable[[], grpc.ServerCertificateConfiguration]", current.renewed)  # None is allowed: nothing new
    return grpc.dynamic_ssl_server_credentials(current.configuration(), fetch, require_client_authentication=True)
