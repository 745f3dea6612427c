"""The root of trust: issues and revokes certificates, signs the law book. A command, never a server; its key lies in no party's folder."""

from warifu.authority.authority import Authority, Lifetimes
from warifu.authority.layout import (
    admit,
    dismiss,
    open_authority,
    provision,
    publish_law,
    publish_revocations,
    renew,
)
from warifu.authority.logkeys import replace_log_keys

__all__ = [
    "Authority",
    "Lifetimes",
    "admit",
    "dismiss",
    "open_authority",
    "provision",
    "publish_law",
    "publish_revocations",
    "renew",
    "replace_log_keys",
]
