"""Scripts that are made at start: what the browser pins. They lie among the static files, the same for everyone who visits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from gettext import NullTranslations
from typing import Final

from warifu.exchange.logkeys import LogKeys
from warifu.law import LawBook
from warifu.web.guard import Policy

CHECKING: Final = Policy(scripts=True, connect=("'self'",))
"""What pages of the history may do beyond showing themselves: check it, by this face's own scripts with what this face serves."""
_OUTCOMES: Final = {"ANSWERED": "回答あり", "DENIED": "認められず", "EXPIRED": "期限切れ", "ERROR": "完了せず"}
_SENTENCES: Final = {
    "asked": "%(requester)sが%(provider)sに問い合わせました",
    "denied": "%(requester)sが%(provider)sに問い合わせようとしました",
}


def scripts(keys: LogKeys, book: LawBook, texts: Mapping[str, NullTranslations]) -> Mapping[str, str]:
    """The made scripts by name.

    `keys.js`: the verifier keys of the log and of its witness. `names.js`: names by code and the words of outcomes in each language, and
    the version of the law book that they are of.
    """
    return {
        "keys.js": (
            "// The keys of the log and of its witness, as this portal was set up with them. Compare them with what the log itself\n"
            "// publishes (log.vkey, witness.vkey) and with network.json.\n"
            + _constants(LOG=keys.log.vkey, WITNESS=keys.witness.vkey)
        ),
        "names.js": "// What codes are called, by the signed law book of this version.\n"
        + _constants(
            BOOK=book.version,
            NAMES={language: _names(book, language) for language in texts},
            OUTCOMES=_said(_OUTCOMES, texts),
            SENTENCES=_said(_SENTENCES, texts),
        ),
    }


def _names(book: LawBook, language: str) -> Mapping[str, str]:
    kinds = (book.institutions, book.table.affairs, book.table.procedures, book.items)
    return {code: one.name.to(language) for named in kinds for code, one in named.items()}


def _said(words: Mapping[str, str], texts: Mapping[str, NullTranslations]) -> Mapping[str, Mapping[str, str]]:
    return {language: {name: told.gettext(word) for name, word in words.items()} for language, told in texts.items()}


def _constants(**values: object) -> str:
    return "".join(
        f"export const {name} = {json.dumps(value, ensure_ascii=False, sort_keys=True)};\n"
        for name, value in values.items()
    )
